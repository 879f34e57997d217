"""Merge of an output: by the coordinator, by a person, with conflicts resolved and unseen outputs counted."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after, append, enter, note, release, request
from dispatch_sim.engine.conflicts import is_overwritten, writes_conflict
from dispatch_sim.engine.coordinator import begin_turn, write_output
from dispatch_sim.engine.parameters import MergeCount
from dispatch_sim.engine.records import State
from dispatch_sim.engine.recovery import ask_person, drop_merge, end_recovery, settle
from dispatch_sim.engine.variates import clean_up_s, resolve_s
from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.events import Failure


def merge(s: State, t: int) -> None:
    """Merge the output of an attempt, then settle it."""
    task, costs = s.tasks[t], s.plan.merge
    if task.instructions != s.world.instructions:
        task.failure = Failure.WRONG_BRIEF
        settle(s, t)
        return
    if is_overwritten(s, t):
        _fail_overwritten(s, t)
        return
    pairs = 0
    task.unseen = 0
    if not task.variates.bad_output and task.rework == 0.0:
        pairs = _join_merges(s, t)
    cost = costs.prose if s.groups[task.group].section.output == codes.PROSE else costs.structured
    task.merge_tokens = cost.tokens + pairs * costs.pair.tokens
    task.merge_s = cost.time + pairs * costs.pair.time
    task.merge_people_s = cost.people + pairs * costs.pair.people
    if task.merge_tokens != 0.0 or task.merge_s != 0.0:
        enter(s, t, codes.COORDINATOR_BUSY, -1, 0)
        request(s, codes.COORDINATOR, t, codes.AT_MERGE_REQUEST)
        return
    _merge_by_person(s, t)


def _take_turn(s: State, t: int) -> None:
    """Begin the coordinator's turn for a merge."""
    s.processes[t].at = codes.AT_MERGE_TURN
    if begin_turn(s, t):
        enter(s, t, codes.MERGE, -1, 0)
        after(s, t, s.tasks[t].merge_s, codes.AT_MERGE)


def _merge_by_person(s: State, t: int) -> None:
    """Have a person merge an output, where that is asked for."""
    if s.tasks[t].merge_people_s != 0.0 and not is_overwritten(s, t):
        ask_person(s, t, codes.MERGE_BY_PERSON, s.tasks[t].merge_people_s)
    else:
        _check_merged(s, t)


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
        task.failure = Failure.BAD_OUTPUT
        settle(s, t)
        return
    seconds = 0.0
    if task.write >= 0 and s.plan.conflicts.isolation == codes.WORKTREE:
        seconds = _resolve_conflicts(s, t)
    if seconds != 0.0:
        ask_person(s, t, codes.RESOLVE, seconds)
    else:
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
    if task.write >= 0 and s.plan.conflicts.isolation == codes.SHARED and not s.writes[task.write].is_safe:
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
    task.failure = Failure.OVERWRITTEN
    note(s, codes.OVERWRITTEN, t, -1, 0)
    seconds = clean_up_s(s, t)
    if seconds != 0.0:
        ask_person(s, t, codes.CLEAN_UP, seconds)
    else:
        settle(s, t)


def resume_merge(s: State, t: int) -> None:
    """Go on with a merge from the position where it waits, unless the output was overwritten meanwhile."""
    at = s.processes[t].at
    if at == codes.AT_MERGE_REQUEST:
        s.tasks[t].merging = True
        if is_overwritten(s, t):
            release(s, codes.COORDINATOR)
            _merge_by_person(s, t)
        else:
            _take_turn(s, t)
    elif at == codes.AT_MERGE_TURN:
        _take_turn(s, t)
    elif at == codes.AT_MERGE:
        write_output(s, s.tasks[t].usage.by_purpose[Purpose.MERGE], s.tasks[t].merge_tokens)
        release(s, codes.COORDINATOR)
        _merge_by_person(s, t)
    elif at == codes.AT_EXPOSED:
        _settle_merged(s, t)
    elif at == codes.AT_PERSON_REQUEST:
        _begin_by_person(s, t)
    else:  # AT_PERSON
        _end_by_person(s, t)


def _begin_by_person(s: State, t: int) -> None:
    """Have a person who is at hand do what they were asked for; nothing to merge if the output is lost."""
    task = s.tasks[t]
    task.merging = True
    if task.for_person == codes.MERGE_BY_PERSON and is_overwritten(s, t):
        release(s, codes.PERSON)
        _check_merged(s, t)
        return
    enter(s, t, task.for_person, -1, 0)
    after(s, t, task.person_s, codes.AT_PERSON)


def _end_by_person(s: State, t: int) -> None:
    """Book a person's time, and go on with what comes after it."""
    task, ledger = s.tasks[t], s.world.ledger
    release(s, codes.PERSON)
    if task.for_person == codes.RECOVERY:
        ledger.people_recovery_s += task.person_s
        end_recovery(s, t)
    elif task.for_person == codes.MERGE_BY_PERSON:
        ledger.people_merge_s += task.person_s
        _check_merged(s, t)
    else:
        ledger.people_conflicts_s += task.person_s
        if task.for_person == codes.RESOLVE:
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
    if s.plan.communication.kind != codes.NO_COMMUNICATION:
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
    return float(group.section.coupling * min(task.unseen, others) / others)
