"""Records of tasks and their attempts, of processes and resources."""

from dispatch_sim.model.accounting import AttemptUsage
from dispatch_sim.model.cache import Prompt
from dispatch_sim.model.variates import AttemptVariates

MAX_OUTPUTS = 8
"""Outputs that a task needs."""


class Output:
    """The usage of an attempt whose output its task needs."""

    usage: AttemptUsage
    is_rework: bool


class Checkpoint:
    """What another attempt can go on from, as `model.attempt.Checkpoint`; the prompt is the task's."""

    exists: bool
    done_calls: int
    context: int
    usage: AttemptUsage


class SharedVariates:
    """The variates of a first attempt, drawn for all design points in a block of replications."""

    block: int
    variates: AttemptVariates


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
    began_s: float
    """After it was launched and had waited for a place and locks."""
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
    usage: AttemptUsage
    has_place: bool
    locks_held: int
    write: int
    merge_tokens: float
    merge_s: float
    merge_people_s: float
    for_person: int
    """The activity that a person is asked for, or is busy with."""
    person_s: float
    unseen: int
    counts_as_unseen: bool
    unseen_share: float
    # what outlives an attempt
    second_round: bool
    rework: float
    checkpoint: Checkpoint
    outputs: int
    """How many of its outputs are in `State.outputs`."""


class Process:
    """A process as a position in its program (`at`), from which it goes on when an event resumes it."""

    at: int
    back_to: int
    token: int
    """Events with another token are obsolete: the process has been interrupted since."""
    asks: int
    """The resource that it waits for, plus one; or 0."""
    is_granted: bool
    next: int
    in_line: bool
    retry_after_s: float
    """What a request was answered when its turn in line came."""
    # positions in `coordinator.compact`, `prewarm` and `do_common`
    turn: int
    prefix: int
    common: int
    turn_in_line: bool
    turn_retries: bool
    """Whether its call was rate-limited, and is sent again."""
    compacted: int
    turn_started_s: float
    common_started_s: float
    call_started_s: float
    """Of a compaction, or of the call that writes the shared prefix."""


class Write:
    """The write of an attempt, and the times between which it can be overwritten."""

    task: int
    number: int
    is_lost: bool
    is_safe: bool
    began_s: float
    returned_s: float
    merged_s: float


class Resource:
    """A resource and its queue of processes; the queue is a list linked by `Process.next`."""

    users: int
    capacity: int
    first: int
    last: int
