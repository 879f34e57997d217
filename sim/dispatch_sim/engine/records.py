"""The state of a replication as one record, declared as annotated classes: ``s.tasks[t].failures``, ``s.now``.

Type checkers and readers see plain attributes. `dtype_of` makes a numpy structured type of a class, which compiled
functions read through a single reference. An array in a record has a fixed extent: the extents below are what the
scenario's own limits allow, and untouched memory is never resident. `State.overflow` says that a replication
needed more; SimPy then simulates it.
"""

from __future__ import annotations

import ctypes
import typing
from functools import cache
from typing import Annotated, Any

import numpy as np

from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.events import State as TaskState
from dispatch_sim.model.failures import Failure
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

MAX_OUTPUTS = 8
"""Attempts of a task whose outputs it needs."""
MAX_RESULTS = 2**14
"""Replications of one call."""

ATTEMPT_PURPOSES = 5
"""The first members of `Purpose`: what an attempt spends tokens for."""


class Usage:
    """Tokens counted once, and tokens billed by class."""

    tokens: int
    input: int
    cache_write: int
    cache_read: int
    output: int


class Bucket:
    """A token bucket; its rate is per second."""

    level: float
    updated_s: float
    rate: float
    capacity: float


class Merge:
    """What the merge of an output takes: tokens and seconds of the coordinator, seconds of a person."""

    tokens: float
    time_s: float
    people_s: float


class Distribution:
    """A distribution: its family, and up to three parameters.

    The values of a sample are the `count` from `first` on in `State.samples`; the components of a mixture are
    so many rows of `State.distributions`, each with its weight.
    """

    family: int
    a: float
    b: float
    c: float
    first: int
    count: int
    weight: float


class Group:
    """A group of tasks; what ends in `_row` is where a distribution stands in `State.distributions`."""

    key: int
    calls_row: int
    tokens_row: int
    duration_row: int
    tool_row: int
    interarrival_row: int
    has_duration: bool
    has_tools: bool
    is_prose: bool
    writes: bool
    own_directory: bool
    size: int
    first_variates: int
    """Where its first tasks' variates stand among those that design points share."""
    first_merge: int
    """Where its merge times begin in `State.group_merges`."""
    merge_room: int
    first_lock: int
    locks: int
    first_follower: int
    followers: int
    output_share: float
    coupling: float
    common: float
    batch_weight: float
    task_weight: float
    attempt_weight: float
    # state
    unfinished: int
    waits_for: int
    first_round_unfinished: int
    awaiting_second: int
    working: int
    merges_begun: int
    merges_done: int
    next_arrival: int
    is_briefing: bool
    common_done: bool


class Plan:
    """The design point: everything that stays as it is during a replication."""

    seed: int
    tasks: int
    groups: int
    locks: int
    # strategy
    is_solo: bool
    forks: bool
    refills: bool
    is_adaptive: bool
    merges_at_barrier: bool
    by_script: bool
    warm_up: int
    order: int
    waits_for_recovery: bool
    isolation: int
    communication: int
    is_paced: bool
    retries_after_drain: bool
    # provider
    queues: bool
    counts_refused: bool
    counts_cache_reads: bool
    reserved: float
    has_retry_after: bool
    retry_after_s: float
    overloaded: float
    has_cache: bool
    cache_ttl_s: float
    cache_first_token_s: float
    cache_minimum: float
    has_latency: bool
    latency_base: float
    latency_per_output: float
    latency_per_uncached: float
    latency_per_cached: float
    # client
    retries: int
    backoff_initial_s: float
    backoff_factor: float
    backoff_cap_s: float
    backoff_jitter: float
    obeyed_up_to_s: float
    gives_up_above: bool
    backoff_is_floor: bool
    retry_after_jitter: float
    extra_delay_s: float
    # dispatch
    spawn_tokens_row: int
    spawn_time_row: int
    return_tokens_row: int
    return_time_row: int
    shared_prefix: int
    brief_tokens: float
    brief_s: float
    turn_tokens: float
    turn_s: float
    has_context: bool
    context_start: int
    context_window: float
    compaction_tokens: float
    compaction_s: float
    # harness
    cap: int
    refuses: bool
    pace_calls: int
    pace_window_s: float
    # failures and retries
    crash: float
    bad_output: float
    hang: float
    bad_brief: float
    has_soft_timeout: bool
    soft_timeout_s: float
    obeyed: float
    has_hard_timeout: bool
    hard_timeout_s: float
    retry_policy: int
    cancels_others: bool
    """Whether a failure cancels the other attempts."""
    max_failures: int
    recovery_row: int
    # conflicts and communication
    conflict: float
    setup_s: float
    clean_up_row: int
    resolve_row: int
    post_tokens: int
    post_s: float
    interim_tokens: int
    interim_written: float
    interim_s: float
    # merge and review
    structured: Merge
    prose: Merge
    pair: Merge
    review_every: int
    review_row: int
    review_each_s: float
    review_blocks: bool


class AttemptVariates:
    """The variates of an attempt, as `model.variates.AttemptVariates`; new input and output are of all calls."""

    drawn_in: int
    """The block of replications in which these were drawn for all design points."""
    calls: int
    new_input: int
    output: int
    spawn_tokens: int
    return_tokens: int
    crash_call: int
    hang_call: int
    obeys: bool
    bad_output: bool
    call_s: float
    spawn_s: float
    return_s: float


class Prompt:
    """An agent's conversation, as `model.cache.Prompt`."""

    exists: bool
    spawn: int
    shared: int
    inherited: int
    context: int
    new: int
    messages: int
    sent: int
    sent_s: float


class Task:
    """A task and its latest attempt."""

    group: int
    index: int
    arrived_s: float
    attempts: int
    failures: int
    # what it is doing, for the ledger and the log
    activity: int
    activity_call: int
    activity_tokens: int
    since_s: float
    # the attempt
    started_s: float
    origin: int
    is_alive: bool
    at_work: bool
    merging: bool
    failure: int
    instructions: int
    inherited: int
    variates: AttemptVariates
    prompt: Prompt
    call: int
    last_call: int
    retry: int
    pending_output: int
    sent_before: int
    sent_before_s: float
    usage: Annotated[list[Usage], ATTEMPT_PURPOSES]
    usage_s: float
    has_place: bool
    locks_held: int
    write: int
    merge: Merge
    person_s: float
    unseen: int
    counts_as_unseen: bool
    unseen_share: float
    # what outlives an attempt
    second_round: bool
    rework: float
    has_checkpoint: bool
    done_calls: int
    checkpoint_context: int
    checkpoint_usage: Annotated[list[Usage], ATTEMPT_PURPOSES]
    checkpoint_s: float
    outputs: int
    needed: Annotated[list[Usage], ATTEMPT_PURPOSES]
    """Usage of attempts whose output it still needs."""
    needed_rework: Annotated[list[Usage], ATTEMPT_PURPOSES]
    """And of those that were rework."""
    needed_s: Annotated[list[float], MAX_OUTPUTS]
    """Seconds of each of these attempts."""


class Process:
    """A process as a place in its program (`at`), from which it goes on when an event resumes it."""

    at: int
    back_to: int
    token: int
    """Events with another token are stale: the process has been interrupted since."""
    asks: int
    """The resource that it waits for, plus one; or 0."""
    is_granted: bool
    next: int
    in_line: bool
    answer_s: float
    """What a request was answered when its turn in line came."""
    turn: int
    turn_in_line: bool
    turn_retries: bool
    """Whether its call was rate-limited, and is sent again."""
    prefix: int
    compacted: int
    common: int
    """A step of the common part of a group's tasks."""
    turn_started_s: float
    common_started_s: float
    compaction_started_s: float


class Resource:
    """A resource and its queue of processes; the queue is a list linked by `Process.next`."""

    users: int
    capacity: int
    first: int
    last: int


class Write:
    """What an attempt writes: from when to when it can be overwritten."""

    task: int
    number: int
    is_lost: bool
    is_safe: bool
    began_s: float
    returned_s: float
    merged_s: float


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

    turn: int
    length_s: float
    order: int
    task: int


class InLine:
    """A request in a gateway's line; `need` is input tokens, or a code of `gateway`."""

    process: int
    token: int
    need: int


class Limiter:
    """The provider's limits and what they have counted."""

    request_bucket: Bucket
    input_bucket: Bucket
    output_bucket: Bucket
    requests: int
    input_tokens: int
    output_tokens: int


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


class Context:
    """The coordinator's own context, and the new input of a call that begins with it."""

    length: int
    new: int
    sent: int
    sent_s: float


class Ledger:
    """The ledger of a replication, as `model.accounting.Ledger`."""

    usage: Annotated[list[Usage], len(Purpose)]
    killed: Usage
    time_s: Annotated[list[float], len(TaskState)]
    failures: Annotated[list[int], len(Failure)]
    flow_s: float
    wasted_s: float
    people_merge_s: float
    people_recovery_s: float
    people_conflicts_s: float
    people_review_s: float
    rejected_requests: int
    manual_completions: int
    refused_launches: int
    merge_conflicts: int
    reworked_tasks: int
    reviews: int
    compactions: int


class World:
    """What a replication begins with at zero, but for its tasks, groups and processes."""

    overflow: bool
    now_s: float
    calendar: Calendar
    limiter: Limiter
    mirror: Limiter
    """The client's own limiter, where it paces calls."""
    gateway: Gateway
    slots: Slots
    context: Context
    ledger: Ledger
    shared_readable_s: float
    shared_used_s: float
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
    pace_window: int
    pace_taken: int
    # lengths of the lists of `State`
    queued: int
    waiting: int
    held: int
    failed: int
    refused: int
    cascading: int
    dispatched: int
    dispatched_count: int
    second_round: int
    writing: int
    returned: int
    worktrees: int
    writes: int
    merges_begun: int
    merges: int
    barrier_low: int
    barrier_high: int
    barrier_lifted: int
    # review
    review_under_way: bool
    awaiting_review: int
    under_review: int
    reviews_begun: int
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


class Result:
    """What a replication comes to."""

    makespan_s: float
    requests: int
    input_tokens: int
    output_tokens: int
    ledger: Ledger


class Member:
    """Where a task belongs."""

    group: int
    index: int


class Control:
    """What another thread may set while a block is simulated."""

    stop: bool


Indices = Annotated[list[int], MAX_TASKS]


class State:
    """All that compiled functions work on."""

    plan: Plan
    world: World
    replication: int
    block: int
    """Counts the blocks of replications that share the variates of first attempts."""
    first_replication: int
    shared_tasks: int
    """Tasks whose first attempts have shared variates in each replication; 0 where they are not shared."""
    log_room: int
    # templates, from which a replication begins
    new_world: World
    new_task: Task
    new_process: Process
    # of what the plan's numbers say how many there are
    groups: Annotated[list[Group], MAX_TASKS]
    tasks: Annotated[list[Task], MAX_TASKS]
    batch: Annotated[list[Member], MAX_TASKS]
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
    # lists, whose lengths are in `World`
    backlog: Annotated[list[Waiting], MAX_TASKS]
    held: Indices
    failed: Indices
    refused: Indices
    cascading: Indices
    dispatched: Indices
    second_round: Indices
    line: Annotated[list[InLine], MAX_PROCESSES]
    barrier: Annotated[list[InLine], MAX_TASKS]
    writing: Indices
    returned: Annotated[list[int], MAX_WRITES]
    worktrees: Annotated[list[int], MAX_WRITES]
    awaiting_review: Indices
    under_review: Indices
    merges: Annotated[list[float], MAX_MERGES]
    group_merges: Annotated[list[float], MAX_MERGES]
    shared_variates: Annotated[list[AttemptVariates], MAX_SHARED_VARIATES]
    log: Annotated[list[LogEntry], MAX_LOG]
    results: Annotated[list[Result], MAX_RESULTS]


_C_TYPES: dict[Any, Any] = {int: ctypes.c_int64, float: ctypes.c_double, bool: ctypes.c_int64}


@cache
def structure_of(record: type) -> type[ctypes.Structure]:
    """Return a record class as a C structure; truth values take a word, as all numbers do."""
    hints = typing.get_type_hints(record, include_extras=True)
    fields = [(name, _c_type(hint)) for name, hint in hints.items()]
    return type(record.__name__, (ctypes.Structure,), {"_fields_": fields})


def _c_type(hint: Any) -> Any:
    if typing.get_origin(hint) is Annotated:
        inner, extent = typing.get_args(hint)
        (element,) = typing.get_args(inner)
        return _c_type(element) * extent
    return _C_TYPES.get(hint) or structure_of(hint)


def dtype_of(record: type) -> np.dtype[Any]:
    """Return the structured type of a record class."""
    return np.dtype(structure_of(record))


STATE = dtype_of(State)
CONTROL = dtype_of(Control)
