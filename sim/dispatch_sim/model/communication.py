"""Communication between agents: two rounds with a brief for all between, or a blackboard.

In rounds every task is done in two attempts of half the calls each; on a blackboard every call brings what
the others at work have posted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch_sim.model.events import Activity
from dispatch_sim.scenario.quantities import whole

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.cache import Prompt
    from dispatch_sim.model.simulation import Process, Simulation
    from dispatch_sim.model.variates import AttemptVariates


class Communication:
    """Communication within groups: none, rounds or a blackboard.

    Attributes
    ----------
    working : agents at work, by group.
    """

    def __init__(self, sim: Simulation, kind: str) -> None:
        self._sim = sim
        costs = sim.scenario.communication
        self.is_none = kind == "none"
        self._rounds = kind == "rounds"
        self._blackboard = kind == "blackboard"
        self._brief_tokens, self._post_tokens = whole(costs.brief.tokens), whole(costs.post.tokens)
        self.post_s = costs.post.time if self._blackboard else 0.0
        groups = range(len(sim.scenario.tasks))
        self.working = [0 for _ in groups]
        self._in_first = [sum(task.group == group for task in sim.plan.tasks) for group in groups]
        self._waiting: list[list[Task]] = [[] for _ in groups]
        self._briefing = [False for _ in groups]

    def messages(self, attempt: Attempt, prompt: Prompt) -> int:
        """Return the tokens of other agents' messages that a call reads."""
        if self._blackboard:
            return self._post_tokens * (self.working[attempt.task.group] - 1)
        return self._brief_tokens if self._rounds and attempt.task.second_round and not prompt.sent else 0

    def part(self, variates: AttemptVariates) -> AttemptVariates:
        """Return the variates for a round: of a task of one call each makes a call of half the length."""
        return variates.part(0.5) if self._rounds and variates.calls == 1 else variates

    def is_first_round(self, task: Task) -> bool:
        """Whether a task's next or present attempt is of the first of two rounds."""
        return self._rounds and not task.second_round

    def calls(self, attempt: Attempt) -> range:
        """Return the calls that an attempt has to make: all, those of its round, or those not done yet."""
        first, end = 0, attempt.variates.calls
        if self._rounds and not attempt.task.rework:
            half = min((end + 1) // 2, end)
            first, end = (min(half, end - 1), end) if attempt.task.second_round else (0, half)
        done = 0 if attempt.resumed is None else attempt.resumed.done_calls
        return range(max(first, done), end)

    def first_is_done(self, attempt: Attempt) -> None:
        """Let a task wait for the brief for its second round."""
        task = attempt.task
        task.outputs.append((attempt.usage, False))
        task.checkpoint = None
        task.second_round = True
        task.enter(Activity.ROUND)
        self._waiting[task.group].append(task)
        self.leave_first(task)

    def leave_first(self, task: Task) -> None:
        """Note that a task is through its first round, or finished by a person."""
        group = task.group
        self._in_first[group] -= 1
        if not self._in_first[group] and self._waiting[group] and not self._briefing[group]:
            self._briefing[group] = True
            self._sim.env.process(self._begin_second(group))

    def stop_waiting_for_brief(self, task: Task) -> None:
        """Let a task that waits for the brief wait for an attempt again."""
        self._waiting[task.group].remove(task)
        self._wait_for_attempt(task)

    def take_waiting(self) -> list[Task]:
        """Take all tasks that wait for their second round."""
        taken = [task for tasks in self._waiting for task in tasks]
        for tasks in self._waiting:
            tasks.clear()
        return taken

    def back_to_first(self, task: Task) -> None:
        """Have a task go through both rounds again."""
        if task.second_round:
            task.second_round = False
            self._in_first[task.group] += 1

    def _begin_second(self, group: int) -> Process[None]:
        yield from self._sim.coordinator.write_interim_brief()
        self._briefing[group] = False
        if self._in_first[group]:
            return  # some have gone back to the first round meanwhile; there will be another brief
        for task in self._waiting[group]:
            self._wait_for_attempt(task)
        self._waiting[group].clear()
        self._sim.notify()

    def _wait_for_attempt(self, task: Task) -> None:
        task.enter(Activity.WAIT)
        self._sim.backlog.add(task)
