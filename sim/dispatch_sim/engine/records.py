"""The state of a replication as one record, declared as annotated classes: ``s.tasks[t].failures``.

Readers see plain attributes, and type checkers do but for sections of a scenario. `layout` makes a structured
type of a class, which compiled functions read through a single reference. Arrays have a fixed extent, as the
limits of scenarios allow; untouched memory is never resident. `World.overflow` says that a replication needs
more; SimPy then simulates it.
"""

from typing import Annotated

from dispatch_sim.engine.layout import dtype_of
from dispatch_sim.engine.parameters import Distribution, Group, Member, MergeCount, Plan, Valuation
from dispatch_sim.engine.task_records import (
    MAX_OUTPUTS,
    Output,
    Process,
    Resource,
    SharedVariates,
    Task,
    Write,
)
from dispatch_sim.model.accounting import Ledger
from dispatch_sim.model.api import Latency, RateLimiter
from dispatch_sim.model.cache import Context, PromptCache
from dispatch_sim.model.closing import Row
from dispatch_sim.scenario.tasks import MAX_TASKS

MAX_PROCESSES = 2 * MAX_TASKS + 2
"""One of each task, the dispatcher, the review, and one of each group."""
MAX_EVENTS = 8 * MAX_TASKS
MAX_WRITES = 8 * MAX_TASKS
MAX_MERGES = 4 * MAX_TASKS
MAX_LINKS = 10 * MAX_TASKS
"""Locks and followers of all groups."""
MAX_RESOURCES = 2 * MAX_TASKS
MAX_DISTRIBUTIONS = 10 * MAX_TASKS
MAX_SAMPLE_VALUES = 2**25
"""Of all samples together: the columns of a scenario's csv files hold fewer."""
MAX_SHARED_VARIATES = 4 * MAX_TASKS
MAX_LOG = 2**22
MAX_ROWS = 2**14
"""Rows of results of one call."""


class Event:
    """An event in the calendar; what `who` and `token` are depends on the kind."""

    time_s: float
    order: int
    kind: int
    who: int
    token: int


class Calendar:
    """Events: a heap of later ones, and two queues of those of this moment."""

    scheduled: int
    later: int
    urgent_head: int
    urgent_tail: int
    soon_head: int
    soon_tail: int


class Waiting:
    """An entry of the backlog's heap of tasks that wait for an attempt."""

    rank: int
    """`FIRST` or `LAST`."""
    length_s: float
    order: int
    task: int


class Waiter:
    """A process at the barrier, or in the gateway's line with what its request needs (`api.join_line`)."""

    process: int
    token: int
    need: int


class Gateway:
    """The line before the limits, or before the client's own, and its server."""

    head: int
    count: int
    is_serving: bool
    servers: int
    server_token: int


class Slots:
    """Slots for attempts."""

    count: int
    most: int
    window: float
    shrunk_s: float


class World:
    """The state of a replication but for its tasks, groups and processes; it begins as `State.new_world`."""

    overflow: bool
    is_deadlocked: bool
    """Whether every process waits and no event is scheduled, which is an error in the engine."""
    now_s: float
    calendar: Calendar
    limiter: RateLimiter
    pacing: RateLimiter
    """The client's own limiter, where it paces calls."""
    latency: Latency
    cache: PromptCache
    gateway: Gateway
    slots: Slots
    context: Context
    context_new: int
    """New input of a call that begins with the context."""
    ledger: Ledger
    batch_calls: float
    batch_tokens: float
    batch_duration: float
    bad_brief: bool
    instructions: int
    unfinished: int
    active: int
    recovering: int
    aborted: bool
    waited_for: int
    """The condition that the dispatcher waits for."""
    call_window: int
    calls_in_window: int
    queued: int
    waiting: int
    dispatched: int
    dispatched_count: int
    writes: int
    merges: MergeCount
    barrier_low: int
    barrier_high: int
    barrier_lifted: int
    # review
    review_under_way: bool
    reviews_begun: int
    review_s: float
    # log
    log_length: int


class LogEntry:
    """An event of the log, as `model.events.Event`."""

    start_s: float
    end_s: float
    activity: int
    task: int
    attempt: int
    call: int
    tokens: int


class Control:
    """What another thread may set while a block is simulated."""

    stop: bool


class NumberList:
    """A list of the numbers of tasks, or of writes."""

    length: int
    numbers: Annotated[list[int], MAX_WRITES]


class State:
    """The state that compiled functions work on."""

    plan: Plan
    world: World
    replication: int
    block: int
    """Counts the blocks of replications that share the variates of first attempts."""
    first_replication: int
    shared_tasks: int
    """Tasks whose first attempts have shared variates in each replication; 0 where they are not shared."""
    log_room: int
    valued: int
    """How many valuations there are."""
    # templates, from which a replication begins
    new_world: World
    new_task: Task
    new_process: Process
    # of what the plan's numbers say how many there are
    groups: Annotated[list[Group], MAX_TASKS]
    tasks: Annotated[list[Task], MAX_TASKS]
    batch: Annotated[list[Member], MAX_TASKS]
    outputs: Annotated[list[Output], MAX_OUTPUTS * MAX_TASKS]
    """Those of each task from `MAX_OUTPUTS` times its number on."""
    processes: Annotated[list[Process], MAX_PROCESSES]
    resources: Annotated[list[Resource], MAX_RESOURCES]
    links: Annotated[list[int], MAX_LINKS]
    """Of each group its locks, in the order in which they are taken; then the groups that follow it."""
    distributions: Annotated[list[Distribution], MAX_DISTRIBUTIONS]
    samples: Annotated[list[float], MAX_SAMPLE_VALUES]
    writes: Annotated[list[Write], MAX_WRITES]
    calendar: Annotated[list[Event], MAX_EVENTS]
    urgent: Annotated[list[Event], MAX_EVENTS]
    soon: Annotated[list[Event], MAX_EVENTS]
    backlog: Annotated[list[Waiting], MAX_TASKS]
    held: NumberList
    failed: NumberList
    refused: NumberList
    cascading: NumberList
    dispatched: Annotated[list[int], MAX_TASKS]
    second_round: NumberList
    line: Annotated[list[Waiter], MAX_PROCESSES]
    barrier: Annotated[list[Waiter], MAX_TASKS]
    writing: NumberList
    returned: NumberList
    worktrees: NumberList
    awaiting_review: NumberList
    under_review: NumberList
    merges_over: Annotated[list[float], 2 * MAX_MERGES]
    """When merges were over, of all tasks and then of each group."""
    shared_variates: Annotated[list[SharedVariates], MAX_SHARED_VARIATES]
    log: Annotated[list[LogEntry], MAX_LOG]
    valuations: Annotated[list[Valuation], MAX_ROWS]
    rows: Annotated[list[Row], MAX_ROWS]
    """Of each replication, by each valuation."""


STATE = dtype_of(State)
CONTROL = dtype_of(Control)
