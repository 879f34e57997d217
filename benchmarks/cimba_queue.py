"""M/M/4 by cimba, a C engine for models that numba compiles; annotations must not be text."""

import cimba
from cimba import inputs


class Queue(cimba.Model):
    """Arrivals, a line, four servers of one a second."""

    interarrival: cimba.Input[float]
    service: cimba.Input[float] = inputs.dist.exponential(mean=1.0)
    line: cimba.Container
    mean_line: cimba.Output[float]

    @cimba.process
    def arrive(self):
        while True:
            cimba.hold(self.interarrival.next())
            self.line.put(1)

    @cimba.process(copies=4)
    def serve(self):
        while True:
            self.line.get(1)
            cimba.hold(self.service.next())

    @cimba.on_end
    def measure(self):
        self.mean_line = self.line.mean_level()


_MODEL = Queue()


def play(customers: int, seed: int, arrival_rate: float) -> float:
    """Return the mean wait, by Little's law, in the time in which so many come on average."""
    _MODEL.interarrival = inputs.dist.exponential(mean=1 / arrival_rate)
    window = cimba.Window(warmup=0, duration=customers / arrival_rate)
    results = cimba.Experiment(_MODEL, replications=1, window=window, seed=seed).run(workers=1)
    return float(results[_MODEL].mean_line.values[0, 0]) / arrival_rate
