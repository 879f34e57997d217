"""Merge of an output: by the coordinator, by a person, with conflicts resolved and unseen outputs counted."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after
from dispatch_sim.engine.conflicts import is_overwritten, writes_conflict
from dispatch_sim.engine.coordinator import begin_turn, write_output
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.lists import append
from dispatch_sim.engine.parameters import MergeCount
from dispatch_sim.engine.records import State
from dispatch_sim.engine.recovery import drop_merge, settle
from dispatch_sim.engine.resources import release, request
from dispatch_sim.engine.variates import clean_up_s, resolve_s


def merge(s: State, t: int) -> None:
    """Merge the output of an attempt, then settle it."""
    task, plan = s.tasks[t], s.plan
    if task.instructions != s.world.instructions:
        task.failure = codes.FAILURE_WRONG_BRIEF
        settle(s, t)
        return
    if is_overwritten(s, t):
        _fail_overwritten(s, t)
        return
    pairs = 0
    task.unseen = 0
    if not task.variates.bad_output and task.rework == 0.0:
        pairs = _join_merges(s, t)
    costs = plan.prose if s.groups[task.group].is_prose else plan.structured
    task.merge.tokens = costs.tokens + pairs * plan.pair.tokens
    task.merge.time_s = costs.time_s + pairs * plan.pair.time_s
    task.merge.people_s = costs.people_s + pairs * plan.pair.people_s
    if task.merge.tokens != 0.0 or task.merge.time_s != 0.0:
        enter(s, t, codes.COORDINATOR_BUSY, -1, 0)
        s.processes[t].at = codes.AT_MERGE_REQUEST
        request(s, codes.COORDINATOR, t)
        return
    _merge_by_person(s, t)


def _take_turn(s: State, t: int) -> None:
    """Begin the coordinator's turn for a merge."""
    if begin_turn(s, t):
        enter(s, t, codes.MERGE, -1, 0)
        s.processes[t].at = codes.AT_MERGE
        after(s, t, s.tasks[t].merge.time_s)


def _merge_by_person(s: State, t: int) -> None:
    """Have a person merge an output, where that is asked for."""
    task = s.tasks[t]
    task.person_s = task.merge.people_s
    if task.person_s != 0.0 and not is_overwritten(s, t):
        _ask_person(s, t, codes.AT_PERSON_REQUEST)
        return
    _check_merged(s, t)


def _ask_person(s: State, t: int, at: int) -> None:
    """Wait for a person."""
    enter(s, t, codes.PERSON_BUSY, -1, 0)
    s.processes[t].at = at
    request(s, codes.PERSON, t)


def _begin_by_person(s: State, t: int, at: int, activity: int) -> None:
    """Have a person who is at hand work on an output for `person_s`."""
    s.tasks[t].merging = True
    enter(s, t, activity, -1, 0)
    s.processes[t].at = at
    after(s, t, s.tasks[t].person_s)


def _check_merged(s: State, t: int) -> None:
    """Handle what a merge has shown: an overwritten or bad output, or conflicts between copies."""
    task = s.tasks[t]
    if is_overwritten(s, t):
        drop_merge(s, t)
        _fail_overwritten(s, t)
        return
    task.merging = True
    if task.variates.bad_output:
        note(s, codes.BAD_OUTPUT, t, -1, 0)
        task.failure = codes.FAILURE_BAD_OUTPUT
        settle(s, t)
        return
    if task.write >= 0 and s.plan.isolation == codes.WORKTREE:
        seconds = _resolve_conflicts(s, t)
        if seconds != 0.0:
            task.person_s = seconds
            _ask_person(s, t, codes.AT_RESOLVE_REQUEST)
            return
    _end_merge(s, t)


def _resolve_conflicts(s: State, t: int) -> float:
    """Merge an attempt's copy; return the seconds that its conflicts with copies merged before take."""
    w, world = s.tasks[t].write, s.world
    write, seconds = s.writes[w], 0.0
    for i in range(s.worktrees.length):
        other = s.worktrees.numbers[i]
        if s.writes[other].merged_s > write.began_s and writes_conflict(s, w, other):
            world.ledger.merge_conflicts += 1
            seconds += resolve_s(s, t, write.number, s.writes[other].task, s.writes[other].number)
    append(s.worktrees, w)
    return seconds


def _end_merge(s: State, t: int) -> None:
    """Note that an output is merged; where it can still be overwritten, wait until it cannot."""
    task = s.tasks[t]
    if task.write >= 0:
        s.writes[task.write].merged_s = s.world.now_s
    _complete_merge(s, t)
    if task.write >= 0 and s.plan.isolation == codes.SHARED and not s.writes[task.write].is_safe:
        enter(s, t, codes.EXPOSED, -1, 0)
        s.processes[t].at = codes.AT_EXPOSED
        return
    _settle_merged(s, t)


def _settle_merged(s: State, t: int) -> None:
    """Settle a merged output that nobody can overwrite any more."""
    if is_overwritten(s, t):
        _fail_overwritten(s, t)
        return
    s.tasks[t].unseen_share = _unseen_share(s, t)
    settle(s, t)


def _fail_overwritten(s: State, t: int) -> None:
    """Have a person clean up after the loss of an attempt's work, then settle its failure."""
    task = s.tasks[t]
    task.merging = True
    task.failure = codes.FAILURE_OVERWRITTEN
    note(s, codes.OVERWRITTEN, t, -1, 0)
    seconds = clean_up_s(s, t)
    if seconds == 0.0:
        settle(s, t)
        return
    task.person_s = seconds
    _ask_person(s, t, codes.AT_CLEAN_UP_REQUEST)


def resume_merge(s: State, t: int) -> None:
    """Go on with a merge from the position where it waits, unless the output was overwritten meanwhile."""
    task, process, ledger = s.tasks[t], s.processes[t], s.world.ledger
    at = process.at
    if at == codes.AT_MERGE_REQUEST:
        task.merging = True
        if is_overwritten(s, t):
            release(s, codes.COORDINATOR)
            _merge_by_person(s, t)
        else:
            process.at = codes.AT_MERGE_TURN
            _take_turn(s, t)
    elif at == codes.AT_MERGE_TURN:
        _take_turn(s, t)
    elif at == codes.AT_MERGE:
        write_output(s, codes.FOR_MERGE, t, task.merge.tokens)
        release(s, codes.COORDINATOR)
        _merge_by_person(s, t)
    elif at == codes.AT_PERSON_REQUEST:
        if is_overwritten(s, t):
            task.merging = True
            release(s, codes.PERSON)
            _check_merged(s, t)
        else:
            _begin_by_person(s, t, codes.AT_MERGE_BY_PERSON, codes.MERGE_BY_PERSON)
    elif at == codes.AT_MERGE_BY_PERSON:
        release(s, codes.PERSON)
        ledger.people_merge_s += task.person_s
        _check_merged(s, t)
    elif at == codes.AT_RESOLVE_REQUEST:
        _begin_by_person(s, t, codes.AT_RESOLVE, codes.RESOLVE)
    elif at == codes.AT_CLEAN_UP_REQUEST:
        _begin_by_person(s, t, codes.AT_CLEAN_UP, codes.CLEAN_UP)
    elif at == codes.AT_EXPOSED:
        _settle_merged(s, t)
    else:  # AT_RESOLVE or AT_CLEAN_UP
        release(s, codes.PERSON)
        ledger.people_conflicts_s += task.person_s
        if at == codes.AT_RESOLVE:
            _end_merge(s, t)
        else:
            settle(s, t)


def _join_merges(s: State, t: int) -> int:
    """Count an output among those that are merged; return how many of them its agent did not see."""
    task, everything = s.tasks[t], s.world.merges
    own = s.groups[task.group].merges
    unseen, of_group = _unseen(s, everything, task.began_s), _unseen(s, own, task.began_s)
    everything.begun += 1
    own.begun += 1
    task.counts_as_unseen = True
    if s.plan.communication != codes.NO_COMMUNICATION:
        return unseen - of_group
    task.unseen = of_group
    return unseen


def _unseen(s: State, count: MergeCount, since_s: float) -> int:
    """Count the merges that have begun and were not over at a time."""
    low, high = 0, count.over
    while low < high:
        middle = (low + high) // 2
        if since_s < s.merges_over[count.first + middle]:
            high = middle
        else:
            low = middle + 1
    return count.begun - low


def _complete_merge(s: State, t: int) -> None:
    """Note that an output is merged."""
    if s.tasks[t].counts_as_unseen:
        s.tasks[t].counts_as_unseen = False
        _complete(s, s.world.merges)
        _complete(s, s.groups[s.tasks[t].group].merges)


def _complete(s: State, count: MergeCount) -> None:
    if count.over >= count.room:
        s.world.overflow = True
        return
    s.merges_over[count.first + count.over] = s.world.now_s
    count.over += 1


def _unseen_share(s: State, t: int) -> float:
    """Return the part of its group that an agent did not see."""
    task = s.tasks[t]
    group = s.groups[task.group]
    others = max(1, group.size - 1)
    return group.coupling * min(task.unseen, others) / others
