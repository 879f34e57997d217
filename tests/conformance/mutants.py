"""Seeded faults: edits of the syntax tree of one engine, each to be found by comparing the engines.

What both engines call (as `arithmetic`, `api`, `cache` and `accounting` of the model) cannot be found wrong
by comparing them: there tests against theory and cases worked out by hand stand (`test_rules.py`,
`test_api.py`, `test_cache.py`, `test_invariants.py`). Their faults below are found by what SimPy's engine
gave without them.
"""

import ast
import copy
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import CodeType, FunctionType, MappingProxyType
from typing import Any, NamedTuple

from .cases import FACTORS


class Fault(NamedTuple):
    """A replacement in a function, by structure: its layout, its module and the rest of it do not matter."""

    function: str
    """Qualified name; it is looked for in all modules of the engine."""
    found: str
    """An expression or statement that is there once. A single capital letter stands for any expression."""
    put: str
    """What takes its place; capital letters stand for what they stood for in `found`."""
    fixed: Mapping[str, str] = MappingProxyType({})
    """Keys, and options that cases have of them so that the fault matters."""


SIMPY = {
    "a bucket is refilled again for time that it was refilled for": Fault(
        "refill", "bucket.updated_s = T", "pass"
    ),
    "a refill is dropped where output is charged": Fault("charge_output", "refill(B, T)", "None"),
    "a refill is dropped where input is charged": Fault(
        "charge_input",
        "refill(B, T)",
        "None",
        {"provider.limits": FACTORS["provider.limits"][3], "dispatch.return.tokens": "2K"},
    ),
    "a request is not charged": Fault("admit", "requests.level -= 1", "pass"),
    "input is not charged": Fault("admit", "inputs.level -= N", "pass"),
    "output is charged twice": Fault("charge_output", "L + R - tokens", "L + R - 2 * tokens"),
    "a reservation is not given back": Fault("charge_output", "L + limiter.reserved - N", "L - N"),
    "a rejected request drives the bucket into debt": Fault("admit", "max(0.0, L)", "L"),
    "a wait is for requests alone": Fault("admit", "max(R, I, O)", "R"),
    "the gateway's line is last in, first out": Fault(
        "Gateway.acquire", "self._line.append(P)", "self._line.appendleft(P)"
    ),
    "a return is not charged": Fault("Coordinator.read_result", "L.charge_input(N)", "None"),
    "the coordinator does not keep what it has read": Fault(
        "Coordinator.read_result", "C.length += N", "pass"
    ),
    "two turns of the coordinator at once": Fault(
        "Coordinator.__init__", "I(E, capacity=1)", "I(E, capacity=2)", {"provider.limits": "unlimited"}
    ),
    "silence is not booked": Fault("Task.enter", "S in OF_ATTEMPT", "S in OF_ATTEMPT and str(S) != 'hung'"),
    "a client retries once too often": Fault("send", "retry == N", "retry == N + 1"),
    "a client gives up where it should back off": Fault("_pause", "A == 'give_up'", "A == 'backoff'"),
    "a floor under retry-after is ignored": Fault("_pause", "F == 'backoff'", "False"),
    "one task too many is dispatched": Fault("Slots.free", "W - C", "W - C + 1"),
    "a brief too few is charged": Fault("Coordinator.write_briefs", "N * T", "(N - 1) * T"),
    "one by one does not wait for a person": Fault("waves", "O and sim.recovering", "False"),
    "what was refused goes to the end of the queue": Fault(
        "Backlog.add_first", "self.add(T, first=True)", "self.add(T)"
    ),
    "the longest first is the shortest first": Fault("Backlog.add", "-L", "L"),
    "adaptive dispatch shrinks for agents that began as it shrank": Fault(
        "Slots.on_429", "A > self._shrunk_s", "A >= self._shrunk_s", {"strategies.kind": "adaptive"}
    ),
    "a task is attempted once too often": Fault("fail", "task.failures < N", "task.failures <= N"),
    "a cancelled attempt counts as a failure of its own": Fault(
        "fail", "task.failures += N", "task.failures += 1"
    ),
    "a resumed attempt's work is wasted twice": Fault("fail", "add_attempt(U, C, -1)", "None"),
    "outputs at a barrier do not wait for failures at it": Fault(
        "Attempt._wait_and_merge",
        "yield S.timeout(0)",
        "None",
        {"strategies.kind": "parallel", "strategies.merge": "barrier", "failures.crash": "20%"},
    ),
    "silence that a timeout ends is honest work": Fault("Attempt._time_out", "H if A else K", "K"),
    "rework is booked as work": Fault("book_output", "A if is_rework else B", "B"),
    "an agent at its soft timeout goes on": Fault("Attempt._gives_up", "T >= soft_s", "T > soft_s"),
    "an agent hears itself on the blackboard": Fault("Communication.messages", "N - 1", "N"),
    "what was cut off can be read from the cache": Fault(
        "Attempt._call",
        "prompt.sent, prompt.sent_s = before",
        "pass",
        {"provider.cache": "{ttl: 5m, minimum: 0}", "timeouts.hard": "40s", "retry.policy": "resume"},
    ),
    "an entry of the cache is written anew while it is on its way": Fault(
        "record_shared",
        "not R and not shared_pending_s(C, T)",
        "not R",
        {"provider.cache": "{ttl: 2m, first_token: 15s}", "dispatch.spawn.shared": "2K"},
    ),
    "an output merged as the agent began was not seen": Fault(
        "_Count.unseen", "bisect_right(A, T)", "bisect_right(A, T - 1e-9)"
    ),
    "bad outputs make pairs": Fault("merge", "bad_output or R", "R"),
    "a task is its own other": Fault("MergeRecord.share", "N - 1", "N"),
    "a copy conflicts with what was merged as it was made": Fault(
        "Isolation.begin_merge", "O.merged_s > W.began_s", "O.merged_s >= W.began_s"
    ),
    "a write is safe too early": Fault("Isolation.end", "not any(W)", "True"),
    "a review waits for one output more": Fault("Review._start_if_due", "N >= every", "N > every"),
    "a person is not paid for reviews": Fault("Review._run", "L.people_review_s += T", "pass"),
    "a window holds a call more": Fault("Harness.count_call", "self._calls >= N", "self._calls > N"),
    "solo forgets its calls": Fault("Coordinator.keep", "context.length = N", "pass"),
    "common work is done with every task": Fault("Attempt._variates", "variates.without(C)", "variates"),
    "a forked agent reads what was not sent": Fault("cached_tokens", "min(A, B)", "A"),
    "a prompt that was just sent cannot be read": Fault(
        "cached_tokens", "last_is_readable(C, P, S, T)", "False"
    ),
    "what a forked agent starts with is counted again": Fault("add_call", "A - prompt.inherited", "A"),
    "common work by wrong instructions is kept": Fault(
        "redo_all_by_wrong_brief", "sim.common_done.clear()", "None"
    ),
}

COMPILED = {
    "of equal times the later is first": Fault("_is_earlier", "a.order < b.order", "a.order > b.order"),
    "what is scheduled now comes before what was scheduled for now": Fault("next_event", "A and not B", "A"),
    "a resource is passed on without an event": Fault("release", "soon(S, K, R, 0)", "grant(S, R)"),
    "a resource holds a user more": Fault("grant", "of.users < of.capacity", "of.users <= of.capacity"),
    "silence is not booked": Fault(
        "enter", "codes.OF_ATTEMPT[S]", "codes.OF_ATTEMPT[S] and task.activity != codes.HANG"
    ),
    "what was refused goes to the end of the queue": Fault("requeue_refused", "codes.FIRST", "codes.LAST"),
    "a client retries once too often": Fault("see_answer", "retry == N", "retry == N + 1"),
    "a crash comes a call too late": Fault("called", "call == V.crash_call", "call == V.crash_call + 1"),
    "locks are given back in the order in which they were taken": Fault(
        "give_back",
        "range(N - 1, -1, -1)",
        "range(N)",
        {"strategies.isolation": "locks", "g0.writes": "[x, y]"},
    ),
    "the second round begins a call early": Fault("plan_calls", "(calls + 1) // 2", "calls // 2"),
    "an agent at its soft timeout goes on": Fault("next_call", "T >= P.timeouts.soft", "T > P.timeouts.soft"),
    "a window is set back with every call": Fault("count_call", "window > W", "window >= W"),
    "an attempt that is ended is not charged its output": Fault("_interrupt", "charge_output(S, N)", "None"),
    "the coordinator forgets a compaction's summary": Fault(
        "_end_compaction", "write_output(S, U, N)", "None"
    ),
    "a rejected call of the coordinator is not counted": Fault(
        "get_admitted", "L.rejected_requests += 1", "pass"
    ),
    "one task too many is dispatched": Fault("free_slots", "W - C", "W - C + 1"),
    "a brief too many is charged": Fault("_launch_in_turn", "N * C.brief.tokens", "(N + 1) * C.brief.tokens"),
    "retry-after has the jitter of backoff": Fault("_pause", "Stream.RETRY_AFTER_JITTER", "Stream.JITTER"),
    "the extra delay is left out": Fault("_pause", "P.extra_delay > 0.0", "False"),
    "a reservation that is given back is of no use to the line": Fault(
        "charge_output", "at_once(S, K, 0, N)", "None"
    ),
    "an interrupt of the line is late": Fault(
        "leave_line",
        "at_once(S, K, 0, N)",
        "soon(S, K, 0, N)",
        {"provider.on_limit": "wait", "strategies.pace": "none", "timeouts.hard": "40s"},
    ),
    "the line is served from the second on": Fault("leave_line", "found == 0", "found == 1"),
    "a review is not counted": Fault("resume_review", "L.reviews += 1", "pass"),
    "what has come while wrong instructions were found is approved": Fault(
        "_verdict",
        "soon(S, K, T, 1)",
        "soon(S, K, T, 0)",
        {"failures.bad_brief": "100%", "review": "{every: 1}"},
    ),
    "a merge that is over as the agent began was not seen": Fault("_unseen", "since_s < M", "since_s <= M"),
    "an output that is lost while it is exposed is done": Fault(
        "_settle_merged", "is_overwritten(S, T)", "False"
    ),
    "what a cascade drops makes pairs": Fault(
        "fail",
        "drop_merge(S, T)",
        "None",
        {
            "retry.policy": "cascade",
            "merge.pair": "{people: 10s, time: 10s}",
            "failures.bad_output": "20%",
            "strategies.kind": "parallel",
        },
    ),
    "a task is attempted once too often": Fault("fail", "task.failures < N", "task.failures <= N"),
    "a hung attempt cannot be resumed": Fault(
        "fail",
        "codes.LEAVES_CHECKPOINT[F]",
        "codes.LEAVES_CHECKPOINT[F] and failure != Failure.HUNG",
        {"retry.policy": "resume", "failures.hang": "30%"},
    ),
    "an output that returned as another agent began is exposed": Fault(
        "_can_be_overwritten",
        "O.began_s < W.returned_s",
        "O.began_s <= W.returned_s",
        {
            "strategies.isolation": "shared",
            "g0.writes": "[x]",
            "dispatch.return.time": "0s",
            "dispatch.turn": "{tokens: 0, time: 0s}",
            "strategies.merge": "as-completed",
            "strategies.manager": "script",
        },
    ),
    "a second round's brief takes no time": Fault(
        "resume_interim_brief", "after(S, P, T, A)", "after(S, P, 0.0, A)"
    ),
    "of equal tasks the later is first": Fault("is_before", "a.order < b.order", "a.order > b.order"),
    "a script waits for common work of a task that has no slot yet": Fault(
        "_has_common_to_do",
        "before < free_slots(S)",
        "True",
        {"dispatch.spawn.fork": "true", "strategies.kind": "queue", "strategies.manager": "script"},
    ),
    "people's time for conflicts is not paid": Fault(
        "_end_by_person", "ledger.people_conflicts_s += T", "pass"
    ),
    "a call of solo can be read before it was sent": Fault(
        "keep_call",
        "context.sent, context.sent_s = A",
        "context.sent = context.length",
        {"strategies.kind": "solo"},
    ),
    "the coordinator does all of a task as its common part": Fault("do_common", "reduce(V, F, C)", "None"),
    "a compaction that is interrupted is for nothing": Fault(
        "interrupted_compaction", "_end_compaction(S, T)", "None"
    ),
}

ENGINES = {"simpy": SIMPY, "compiled": COMPILED}
PACKAGES = {"simpy": "dispatch_sim.model", "compiled": "dispatch_sim.engine"}


@contextmanager
def seeded(engine: str, fault: Fault) -> Iterator[None]:
    """Have a fault in an engine, for as long as the context lasts.

    Raises
    ------
    ValueError : there is not one such function, or what is to be replaced is not in it once.
    """
    function, faulty = _edited(engine, *fault[:3])
    sound = function.__code__
    function.__code__ = faulty
    try:
        yield
    finally:
        function.__code__ = sound


@cache
def _edited(engine: str, name: str, found: str, put: str) -> tuple[FunctionType, CodeType]:
    function = _function(engine, name)
    return function, edited(function, Fault(name, found, put))


def _function(engine: str, name: str) -> FunctionType:
    package = importlib.import_module(PACKAGES[engine])
    found = []
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        value: Any = importlib.import_module(module.name)
        for part in name.split("."):
            value = getattr(value, part, None)
        value = getattr(value, "fget", value)
        if isinstance(value, FunctionType) and value.__module__ == module.name:
            found.append(value)
    if len(found) != 1:
        raise ValueError(f"{len(found)} functions of {package.__name__} are called {name}")
    return found[0]


def edited(function: FunctionType, fault: Fault) -> CodeType:
    """Return a function's code with a fault in it."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    editor = _Editor(_parse(fault.found), _parse(fault.put))
    editor.visit(definition)
    if editor.count != 1:
        raise ValueError(f"{fault.function} has {fault.found} {editor.count} times")
    # Around it a function whose arguments are what it has from outside, such as the class of `super()`.
    free = ", ".join(function.__code__.co_freevars)
    tree = ast.parse(f"from __future__ import annotations\ndef around({free}): pass")
    tree.body[1].body = [definition]  # type: ignore[attr-defined]
    code = compile(ast.fix_missing_locations(tree), inspect.getfile(function), "exec")
    for name in ("around", definition.name):  # next to the code of default arguments
        inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        [code] = [each for each in inner if each.co_name == name]
    return code


def _parse(text: str) -> ast.AST:
    [statement] = ast.parse(text).body
    return statement.value if isinstance(statement, ast.Expr) else statement


class _Editor(ast.NodeTransformer):
    def __init__(self, found: ast.AST, put: ast.AST) -> None:
        self.found, self.put, self.count = found, put, 0

    def visit(self, node: ast.AST) -> Any:
        bound: dict[str, ast.AST] = {}
        if _matches(self.found, node, bound):
            self.count += 1
            return _Filler(bound).visit(copy.deepcopy(self.put))
        return self.generic_visit(node)


class _Filler(ast.NodeTransformer):
    """Puts in what capital letters stand for."""

    def __init__(self, bound: dict[str, ast.AST]) -> None:
        self.bound = bound

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return copy.deepcopy(self.bound.get(node.id, node))


def _matches(pattern: Any, node: Any, bound: dict[str, ast.AST]) -> bool:
    """Whether a node has the structure of a pattern; notes what capital letters stand for."""
    if isinstance(pattern, ast.Name) and len(pattern.id) == 1 and pattern.id.isupper():
        is_same = pattern.id not in bound or ast.dump(bound[pattern.id]) == ast.dump(node)
        bound.setdefault(pattern.id, node)
        return is_same and isinstance(node, ast.expr)
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(
            _matches(one, other, bound) for one, other in zip(pattern, node, strict=True)
        )
    if not isinstance(pattern, ast.AST):
        return bool(pattern == node)
    return type(pattern) is type(node) and all(
        _matches(getattr(pattern, field), getattr(node, field), bound)
        for field in pattern._fields
        if field not in ("ctx", "kind", "type_comment")
    )
