"""Seeded faults, each an edit of one engine's source: the comparison of the engines has to find every one.

What both engines call (`dispatch/rules.py`) cannot be found wrong by comparing them: there the tests against
theory and cases worked out by hand stand (`test_rules.py`, `test_api.py`, `test_invariants.py`).
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """An edit of one engine's source."""

    fault: str
    """In words."""
    module: str
    """Path below `dispatch_sim/dispatch`."""
    found: str
    """What is replaced; it stands in the module exactly once."""
    put: str


SIMPY = (
    Mutant(
        "a bucket is refilled again for time that it was refilled for",
        "api.py",
        "self.capacity)\n        self.updated_s = now_s\n",
        "self.capacity)\n",
    ),
    Mutant(
        "a refill is dropped where output is charged",
        "api.py",
        "        outputs.refill(self._env.now)\n        outputs.level = min",
        "        outputs.level = min",
    ),
    Mutant("input is not charged", "api.py", "            inputs.level -= input_tokens\n", ""),
    Mutant("a reservation is not given back", "api.py", "self._reserved - tokens", "-tokens"),
    Mutant(
        "a refused try drives the bucket into debt",
        "api.py",
        "max(0.0, requests.level - 1)",
        "requests.level - 1",
    ),
    Mutant(
        "the gateway's line is last in, first out", "api.py", "self._line.append(", "self._line.appendleft("
    ),
    Mutant("a return is not charged", "coordinator.py", "    world.api.charge_input(tokens)\n", ""),
    Mutant(
        "the coordinator does not keep what it has read",
        "coordinator.py",
        "        world.context.length += tokens\n        world.context.sent",
        "        world.context.sent",
    ),
    Mutant(
        "two turns of the coordinator at once",
        "world.py",
        "self.coordinator = simpy.Resource(self.env, capacity=1)",
        "self.coordinator = simpy.Resource(self.env, capacity=2)",
    ),
    Mutant(
        "silence is not booked",
        "world.py",
        "{State.SERVICE, State.BACKOFF, State.HUNG}",
        "{State.SERVICE, State.BACKOFF}",
    ),
    Mutant(
        "a client tries once too often",
        "client.py",
        "try_ == world.scenario.client.retries else",
        "try_ == world.scenario.client.retries + 1 else",
    ),
    Mutant(
        "a client gives up where it should back off",
        "client.py",
        'rule.above == "give_up"',
        'rule.above == "backoff"',
    ),
    Mutant(
        "a floor under retry-after is ignored",
        "client.py",
        'rule.floor == "backoff"',
        'rule.floor == "never"',
    ),
    Mutant(
        "one task too many is handed out",
        "dispatcher.py",
        "for task in self._batch.take(self._width.slots - self._attempts.running):",
        "for task in self._batch.take(self._width.slots - self._attempts.running + 1):",
    ),
    Mutant(
        "a brief too few is charged",
        "dispatcher.py",
        "len(batch) * dispatch.brief.tokens",
        "(len(batch) - 1) * dispatch.brief.tokens",
    ),
    Mutant(
        "one after the other does not wait for a person",
        "dispatcher.py",
        "not attempts.unsettled and not (self._strategy.waits_for_recovery and attempts.recovering)",
        "not attempts.unsettled",
    ),
    Mutant(
        "what was refused goes to the end of the queue",
        "batch.py",
        "self._push(task, 0)",
        "self._push(task, 1)",
    ),
    Mutant(
        "the longest first is the shortest first",
        "batch.py",
        '-length_s if order == "longest-first"',
        '-length_s if order == "shortest-first"',
    ),
    Mutant(
        "adaptive dispatch shrinks for agents launched as it shrank",
        "width.py",
        "def _on_limited(self, task: Task) -> None:\n        if task.launched_s > self._shrunk_s:",
        "def _on_limited(self, task: Task) -> None:\n        if task.launched_s >= self._shrunk_s:",
    ),
    Mutant(
        "a task is attempted once too often",
        "attempts.py",
        "task.failures < self._most_failures",
        "task.failures <= self._most_failures",
    ),
    Mutant(
        "a cancelled attempt counts as a failure of its own",
        "attempts.py",
        "task.failures += by_itself",
        "task.failures += 1",
    ),
    Mutant(
        "a resumed attempt's work is wasted twice",
        "attempts.py",
        "            lost = lost.less(task.saved)\n",
        "            lost = lost.copy()\n",
    ),
    Mutant(
        "outputs at a barrier do not wait for failures at it",
        "attempts.py",
        "                yield world.env.timeout(0)",
        "                pass",
    ),
    Mutant(
        "a timer ends the next attempt",
        "attempts.py",
        "task.in_slot and task.attempts == attempt and",
        "task.in_slot and",
    ),
    Mutant("rework is booked as work", "attempts.py", "Cause.REWORK if rework else cause", "cause"),
    Mutant(
        "an agent at its soft timeout goes on",
        "agent.py",
        "world.env.now - started_s >= soft_s",
        "world.env.now - started_s > soft_s",
    ),
    Mutant(
        "an agent hears itself on the blackboard",
        "agent.py",
        "(world.at_work[task.group] - 1)",
        "world.at_work[task.group]",
    ),
    Mutant(
        "what was cut off can be read from the cache",
        "agent.py",
        "        prompt.sent, prompt.sent_s = before\n",
        "",
    ),
    Mutant(
        "an entry of the cache is written anew while it is on its way",
        "cache.py",
        "if not self._shared_is_readable(now_s) and not self._is_pending(now_s):",
        "if not self._shared_is_readable(now_s):",
    ),
    Mutant(
        "an output merged at the launch was not seen",
        "merging.py",
        "bisect_right(self.over_s, since_s)",
        "bisect_right(self.over_s, since_s - 1e-9)",
    ),
    Mutant(
        "bad outputs make pairs",
        "merging.py",
        "if luck.bad_output or task.rework else",
        "if task.rework else",
    ),
    Mutant(
        "a task is its own other",
        "merging.py",
        "self._group_sizes[task.group] - 1)",
        "self._group_sizes[task.group])",
    ),
    Mutant(
        "a copy conflicts with what was merged as it was made",
        "sharing.py",
        "other.merged_s > write.began_s",
        "other.merged_s >= write.began_s",
    ),
    Mutant(
        "a write is safe too early",
        "sharing.py",
        "            if not any(self._could_overwrite(one, other) for one in self._at_work):",
        "            if True:",
    ),
    Mutant(
        "a gate waits for one output more",
        "review.py",
        "len(self._waiting) >= every",
        "len(self._waiting) > every",
    ),
    Mutant(
        "a person is not paid for reviews",
        "review.py",
        "                world.books.people_review_s += seconds\n",
        "",
    ),
    Mutant(
        "a window holds a call more",
        "harness.py",
        "self._calls >= self._pace.calls",
        "self._calls > self._pace.calls",
    ),
)

COMPILED = (
    Mutant(
        "a bucket is refilled again for time that it was refilled for",
        "compiled/api.py",
        "    s.f[updated] = now_s\n",
        "",
    ),
    Mutant(
        "a refill is dropped where input is charged",
        "compiled/api.py",
        "    _refill(s, INPUT_LEVEL, INPUT_UPDATED, s.pf[INPUT_RATE], s.pf[INPUT_CAPACITY])\n"
        "    s.f[INPUT_LEVEL] -= tokens",
        "    s.f[INPUT_LEVEL] -= tokens",
    ),
    Mutant("a request is not charged", "compiled/api.py", "        s.f[REQUEST_LEVEL] -= 1\n", ""),
    Mutant("output is charged twice", "compiled/api.py", "+ reserved - tokens", "+ reserved - 2 * tokens"),
    Mutant(
        "a wait is for requests alone",
        "compiled/api.py",
        "        _wait_for(s.f[INPUT_LEVEL], need, s.pf[INPUT_RATE], now_s),\n",
        "",
    ),
    Mutant(
        "a prompt that was just sent cannot be read",
        "compiled/api.py",
        "if s.ti[t, P_SENT] >= s.pf[CACHE_MINIMUM]",
        "if s.ti[t, P_SENT] > s.pf[CACHE_MINIMUM] + 1e9",
    ),
    Mutant(
        "of equal times the later is first",
        "compiled/machine.py",
        "s.order[one] < s.order[other]",
        "s.order[one] > s.order[other]",
    ),
    Mutant(
        "what is scheduled now comes before what was scheduled for now",
        "compiled/machine.py",
        " and not (s.n[HEAP] and s.when[0] == s.f[NOW])",
        "",
    ),
    Mutant(
        "a resource is passed on without an event",
        "compiled/machine.py",
        "    s.ri[resource, USERS] -= 1\n    soon(s, E_RELEASED, resource, 0)",
        "    s.ri[resource, USERS] -= 1\n    grant(s, resource)",
    ),
    Mutant(
        "a resource holds a user more",
        "compiled/machine.py",
        "s.ri[resource, USERS] < s.ri[resource, CAPACITY]",
        "s.ri[resource, USERS] <= s.ri[resource, CAPACITY]",
    ),
    Mutant("silence is not booked", "compiled/machine.py", " or last == HUNG", ""),
    Mutant(
        "an attempt is not started at once",
        "compiled/agent.py",
        "at_once(s, E_START_ATTEMPT, t, 0)",
        "soon(s, E_START_ATTEMPT, t, 0)",
    ),
    Mutant(
        "a client tries once too often",
        "compiled/agent.py",
        "if try_ == s.pi[RETRIES]:",
        "if try_ == s.pi[RETRIES] + 1:",
    ),
    Mutant(
        "retry-after has the jitter of backoff",
        "compiled/agent.py",
        "_RETRY_AFTER_JITTER, t, number",
        "_JITTER, t, number",
    ),
    Mutant(
        "the extra delay is left out",
        "compiled/agent.py",
        "if s.pf[EXTRA_DELAY] > 0.0:",
        "if s.pf[EXTRA_DELAY] < 0.0:",
    ),
    Mutant(
        "a crash comes a call too late",
        "compiled/agent.py",
        "if call == s.ti[t, L_CRASH]:",
        "if call == s.ti[t, L_CRASH] + 1:",
    ),
    Mutant(
        "locks are given back in the order in which they were taken",
        "compiled/agent.py",
        "range(s.ti[t, LOCKS_HELD] - 1, -1, -1)",
        "range(s.ti[t, LOCKS_HELD])",
    ),
    Mutant(
        "the second round begins a call early",
        "compiled/agent.py",
        "half = min((calls + 1) // 2, calls)",
        "half = min(calls // 2, calls)",
    ),
    Mutant(
        "an agent at its soft timeout goes on",
        "compiled/agent.py",
        "s.f[NOW] - s.tf[t, STARTED] >= s.pf[SOFT]",
        "s.f[NOW] - s.tf[t, STARTED] > s.pf[SOFT]",
    ),
    Mutant(
        "a window is set back with every call",
        "compiled/agent.py",
        "if windows > s.n[PACE_WINDOWS]:",
        "if windows >= s.n[PACE_WINDOWS]:",
    ),
    Mutant(
        "an attempt that is ended is not charged its output",
        "compiled/attempts.py",
        "        elif pc == A_CALL:\n            charge_output(s, s.ti[t, PENDING_OUTPUT])\n",
        "        elif pc == A_CALL:\n",
    ),
    Mutant(
        "the coordinator forgets a compaction's summary",
        "compiled/coordinator.py",
        "        charge_writing(s, CONTEXT, -1, s.pf[COMPACTION_TOKENS])\n",
        "",
    ),
    Mutant(
        "a refused call of the coordinator is not counted",
        "compiled/coordinator.py",
        "    s.n[REJECTED_TRIES] += 1\n",
        "",
    ),
    Mutant(
        "one task too many is handed out",
        "compiled/dispatcher.py",
        "        taken = min(slots(s) - s.n[RUNNING], s.n[WAITING])",
        "        taken = min(slots(s) - s.n[RUNNING] + 1, s.n[WAITING])",
    ),
    Mutant(
        "a brief too many is charged",
        "compiled/dispatcher.py",
        "s.n[HAND_COUNT] * s.pf[BRIEF_TOKENS]",
        "(s.n[HAND_COUNT] + 1) * s.pf[BRIEF_TOKENS]",
    ),
    Mutant(
        "an interrupt of the line is late",
        "compiled/gateway.py",
        "        at_once(s, E_INTERRUPT_SERVER, 0, s.n[SERVERS])",
        "        soon(s, E_INTERRUPT_SERVER, 0, s.n[SERVERS])",
    ),
    Mutant(
        "the line is served from the second on",
        "compiled/gateway.py",
        "if found == 0 and s.n[SERVER]:",
        "if found == 1 and s.n[SERVER]:",
    ),
    Mutant("a gate is not counted", "compiled/gate.py", "        s.n[GATES] += 1\n", ""),
    Mutant(
        "what has come while wrong instructions were found is approved",
        "compiled/gate.py",
        "s.lists[GATE_LIST, i], 1)",
        "s.lists[GATE_LIST, i], 0)",
    ),
    Mutant(
        "a merge that is over at the launch was not seen",
        "compiled/merging.py",
        "if since < s.merged[row, middle]:",
        "if since <= s.merged[row, middle]:",
    ),
    Mutant(
        "an output that is lost while it is exposed is done",
        "compiled/attempts.py",
        "        if is_lost(s, t):\n            clean_up(s, replication, t)\n        else:\n",
        "        if not is_lost(s, t):\n            clean_up(s, replication, t)\n        else:\n",
    ),
    Mutant(
        "what a cascade drops makes pairs",
        "compiled/outcomes.py",
        "    if failure == CANCELLED:\n        drop(s, t)\n",
        "",
    ),
    Mutant(
        "a task is attempted once too often",
        "compiled/outcomes.py",
        "s.ti[t, FAILURES] < s.pi[MOST_FAILURES]",
        "s.ti[t, FAILURES] <= s.pi[MOST_FAILURES]",
    ),
    Mutant("a hung attempt cannot be resumed", "compiled/outcomes.py", " or failure == HANGING or", " or"),
    Mutant(
        "an output that returned at a launch is exposed",
        "compiled/sharing.py",
        "s.wf[one, W_BEGAN] < s.wf[other, W_RETURNED]",
        "s.wf[one, W_BEGAN] <= s.wf[other, W_RETURNED]",
    ),
    Mutant(
        "a second round's brief takes no time",
        "compiled/second_round.py",
        "after(s, pid, s.pf[INTERIM_TIME])",
        "after(s, pid, 0.0)",
    ),
    Mutant(
        "of equal tasks the later is first",
        "compiled/waiting.py",
        "s.pending[i, 1] < s.pending[j, 1]",
        "s.pending[i, 1] > s.pending[j, 1]",
    ),
    Mutant(
        "people's time is not paid",
        "compiled/kernel.py",
        "money_usd + waiting_usd + people_usd",
        "money_usd + waiting_usd",
    ),
)

ENGINES = {"simpy": SIMPY, "compiled": COMPILED}
