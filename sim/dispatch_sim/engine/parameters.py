"""Records of a design point: its parameters, groups and distributions."""


class Merge:
    """The cost of merging an output: tokens and seconds of the coordinator, seconds of a person."""

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


class MergeCount:
    """Counts merges that have begun; those that are over have their times in `State.merges_over`."""

    begun: int
    over: int
    first: int
    room: int


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
    merges: MergeCount
    next_arrival: int
    is_briefing: bool
    common_done: bool


class Plan:
    """The design point: all that is constant during a replication."""

    seed: int
    tasks: int
    groups: int
    locks: int
    # processes, after those of the tasks; last, one of each group for its brief between two rounds
    dispatcher: int
    reviewer: int
    first_interim: int
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
    counts_rejected: bool
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
    calls_per_window: int
    call_window_s: float
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


class Prices:
    """Prices of tokens, dollars per million."""

    input: float
    cache_write: float
    cache_read: float
    output: float


class Values:
    """The value of time, in dollars per hour."""

    waiting: float
    people: float


class Valuation:
    """Prices and values of a scenario, by which outcomes are computed."""

    prices: Prices
    values: Values


class Member:
    """A task's group and index."""

    group: int
    index: int
