"""Ctrl-C at any moment ends a study of the compiled engine."""

import subprocess
import sys

INTERRUPTED_AT_EACH_LOCK = """
import signal, sys
from threading import Condition
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study import runner
from dispatch_sim.study.design import design_comparison

TEXT = "tasks: [{name: a, count: 4, tokens: 10K, duration: 60s}]\\nstudy: {replications: 3}"
DESIGN = design_comparison(parse_source(TEXT + "\\nengine: compiled"))

# Where the tests run in the background of a shell, SIGINT is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def ends_early(number):
    taken = 0

    def trace_lock(frame, event, argument):
        nonlocal taken
        taken += event == "return"
        if event == "return" and taken == number:
            signal.raise_signal(signal.SIGINT)
        return trace_lock

    sys.settrace(lambda frame, *_: trace_lock if frame.f_code is Condition.__enter__.__code__ else None)
    try:
        runner.simulate_design(DESIGN, jobs=2)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False

number = 1
while ends_early(number):
    number += 1
print(number - 1)
"""


def test_interruption_leaves_no_thread_waiting_for_a_lock():
    command = [sys.executable, "-c", INTERRUPTED_AT_EACH_LOCK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) > 0
