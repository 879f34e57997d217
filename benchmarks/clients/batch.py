"""One batch as people write it with asyncio: a coordinator, agents that call a client library, a person.

Written from `docs/model.md` and the scenario `ten-sources`, without the model's code.
"""

import asyncio
import itertools
import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from langchain_core.runnables import RunnableLambda

from clients.api import Api, Buckets
from clients.libraries import Library, RateLimitedError

CALLS = 5
TOKENS, TOKENS_CV, OUTPUT_SHARE = 15_000.0, 0.4, 0.2
DURATION_S, DURATION_CV = 60.0, 0.5
TASK_SHARE = 0.6  # of the log-variance of tokens and duration; the rest is the attempt's
SPAWN_TOKENS, SPAWN_S = 3_000, 2.0
RETURN_TOKENS, RETURN_S = 2_000, 2.0
BRIEF_TOKENS, BRIEF_S = 240, 5.7
TURN_TOKENS, TURN_S = 300, 4.0
MERGE_TOKENS, MERGE_S = 500, 5.0
CONTEXT_TOKENS = 20_000
CRASH, BAD_OUTPUT = 0.03, 0.02
MAX_ATTEMPTS = 2
RECOVERY_S, RECOVERY_CV = 600.0, 0.5
CACHE_WRITE, CACHE_READ, OUTPUT = 3.75e-6, 0.30e-6, 15e-6  # dollars a token
WAITING, PEOPLE = 40 / 3600, 80 / 3600  # dollars a second


@dataclass
class Measured:
    """What a batch comes to, by the names of the results' columns."""

    cost_usd: float
    money_usd: float
    makespan_s: float
    rejected_requests: float
    failed_attempts: float
    manual_completions: float


@dataclass
class Task:
    """A task, with its own part of the variates."""

    tokens_z: float
    duration_z: float
    failures: int = 0


class Pacing:
    """A limiter in the client, first in, first out, with buckets as the API has them."""

    def __init__(self, per_minute: tuple[float, float, float]) -> None:
        self.buckets = Buckets(per_minute)
        self._turn = asyncio.Lock()

    async def acquire(self, tokens: int) -> None:
        """Wait until the API would admit a request."""
        async with self._turn:
            while wait_s := self.buckets.admit(tokens):
                await asyncio.sleep(wait_s + 1e-6)


@dataclass
class Batch:
    """A batch on an API.

    Attributes
    ----------
    agents, coordinator : clients; the coordinator's has no retries, as it comes back when it is told to.
    """

    api: Api
    agents: Library
    coordinator: Library
    rng: np.random.Generator
    tasks: int
    money: float = 0.0
    people_s: float = 0.0
    context: int = CONTEXT_TOKENS
    failed: int = 0
    recovering: int = 0
    recovered: int = 0
    done: int = 0
    running: int = 0
    ready: deque[Task] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._coordinating, self._person = asyncio.Lock(), asyncio.Lock()
        self._changed = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._identities = map(str, itertools.count())
        self.ready.extend(Task(*self.rng.standard_normal(2)) for _ in range(self.tasks))

    async def run(self, kind: str, concurrency: int) -> Measured:
        """Run all tasks, and measure."""
        loop = asyncio.get_running_loop()
        self.api.reset()
        self._pacing = Pacing(self.api.per_minute) if kind == "paced" else None
        started_s = loop.time()
        match kind:
            case "queue" | "paced":
                await self._queue(concurrency)
            case "abatch":
                await self._abatch(concurrency)
            case "parallel":
                await self._rounds(self.tasks, waits_for_person=False)
            case "sequential":
                await self._rounds(1, waits_for_person=True)
        await self._until(lambda: self.done == self.tasks)
        makespan_s = loop.time() - started_s
        cost = self.money + WAITING * makespan_s + PEOPLE * self.people_s
        return Measured(cost, self.money, makespan_s, self.api.refused, self.failed, self.recovered)

    async def _queue(self, concurrency: int) -> None:
        """Refill slots as they free; an output is merged as it comes, a failed task goes to the end."""
        while not self._none_left:
            await self._until(lambda: (self.ready and self.running < concurrency) or self._none_left)
            if self.ready:
                async with self._coordinating:
                    count = min(concurrency - self.running, len(self.ready))
                    await self._brief([self.ready.popleft() for _ in range(count)], self._in_queue)

    async def _in_queue(self, task: Task) -> None:
        if await self._attempt(task):
            await self._merge(task)
        else:
            self._fail(task)

    async def _abatch(self, concurrency: int) -> None:
        """Run all tasks by LangChain, without a coordinator's turn; what has failed is the next call's."""
        runnable = RunnableLambda(self._launch)
        while not self._none_left:
            await self._until(lambda: bool(self.ready) or self._none_left)
            tasks = list(self.ready)
            self.ready.clear()
            await runnable.abatch(tasks, {"max_concurrency": concurrency})

    async def _launch(self, task: Task) -> None:
        self.running += 1
        if await self._attempt(task):
            self._start(self._merge(task))
        else:
            self._fail(task)

    async def _rounds(self, width: int, *, waits_for_person: bool) -> None:
        """Launch a round, wait for all of it, merge what has come back; failed tasks begin the next round."""
        while self.ready:
            tasks = [self.ready.popleft() for _ in range(min(width, len(self.ready)))]
            back: list[Task] = []
            lost: list[Task] = []

            async def in_round(task: Task, back: list[Task] = back, lost: list[Task] = lost) -> None:
                if await self._attempt(task):
                    back.append(task)
                else:
                    lost.append(task)
                self._changed.set()

            async with self._coordinating:
                await self._brief(tasks, in_round)
            await self._until(lambda: len(back) + len(lost) == len(tasks))  # noqa: B023
            waiting = list(self.ready)
            self.ready.clear()
            for task in lost:
                self._fail(task)
            await asyncio.gather(*map(self._merge, back))
            self.ready.extend(waiting)
            if waits_for_person:
                await self._until(lambda: not self.recovering)

    @property
    def _none_left(self) -> bool:
        """Whether every task is done or left to a person."""
        return self.done + self.recovering == self.tasks

    async def _brief(self, tasks: list[Task], launched: object) -> None:
        """Write the briefs in one turn, and launch each agent when its brief is written."""
        seconds, output = TURN_S + BRIEF_S * len(tasks), TURN_TOKENS + BRIEF_TOKENS * len(tasks)
        turn = await self._begin_turn(seconds, output)
        await asyncio.sleep(TURN_S)
        for task in tasks:
            await asyncio.sleep(BRIEF_S)
            self.running += 1
            self._start(launched(task))
        await turn

    async def _merge(self, task: Task) -> None:
        async with self._coordinating:
            await (await self._begin_turn(MERGE_S, MERGE_TOKENS))
        if self.rng.random() < BAD_OUTPUT:
            self._fail(task)
        else:
            self.done += 1
        self._changed.set()

    async def _begin_turn(self, seconds: float, output: int) -> asyncio.Task[None]:
        """Get a turn of the coordinator admitted; it reads its whole context from the cache."""
        identity = next(self._identities)
        self.api.admitted[identity] = admitted = asyncio.Event()

        async def turn() -> None:
            if self._pacing is not None:
                await self._pacing.acquire(0)
            while True:
                try:
                    await self.coordinator.call(0, output, seconds, identity)
                    break
                except RateLimitedError as limited:
                    await asyncio.sleep(limited.retry_after_s)
            if self._pacing is not None:
                self._pacing.buckets.charge(output=output)
            self.money += output * OUTPUT
            self.context += output

        under_way = asyncio.create_task(turn())
        await admitted.wait()
        self.money += self.context * CACHE_READ
        return under_way

    async def _attempt(self, task: Task) -> bool:
        """Do a task: spawn, calls, return; return whether it is done, and all that it did is not lost."""
        try:
            await asyncio.sleep(SPAWN_S)
            tokens, duration_s = self._work(task)
            crash_at = int(self.rng.integers(CALLS)) if self.rng.random() < CRASH else None
            written = round(tokens * OUTPUT_SHARE)
            sent, context = tokens - written, 0
            for call in range(CALLS):
                new = _part(sent, call) + (SPAWN_TOKENS if call == 0 else 0)
                output = _part(written, call)
                if self._pacing is not None:
                    await self._pacing.acquire(new)
                try:
                    await self.agents.call(new, output, duration_s / CALLS)
                except RateLimitedError:
                    return False
                if self._pacing is not None:
                    self._pacing.buckets.charge(output=output)
                self.money += new * CACHE_WRITE + context * CACHE_READ + output * OUTPUT
                context += new + output
                if call == crash_at:
                    return False
            await asyncio.sleep(RETURN_S)
            self.api.buckets.charge(tokens=RETURN_TOKENS)
            if self._pacing is not None:
                self._pacing.buckets.charge(tokens=RETURN_TOKENS)
            self.money += RETURN_TOKENS * CACHE_WRITE
            self.context += RETURN_TOKENS
            return True
        finally:
            self.running -= 1
            self._changed.set()

    def _work(self, task: Task) -> tuple[int, float]:
        """Draw an attempt's tokens and unimpeded duration; the task is slow again when it is retried."""
        own = self.rng.standard_normal(2)
        z = (
            math.sqrt(TASK_SHARE) * np.array([task.tokens_z, task.duration_z])
            + math.sqrt(1 - TASK_SHARE) * own
        )
        return round(_lognormal(TOKENS, TOKENS_CV, z[0])), _lognormal(DURATION_S, DURATION_CV, z[1])

    def _fail(self, task: Task) -> None:
        self.failed += 1
        task.failures += 1
        if task.failures < MAX_ATTEMPTS:
            self.ready.append(task)
        else:
            self.recovering += 1
            self._start(self._recover())
        self._changed.set()

    async def _recover(self) -> None:
        """Have the person finish a task."""
        async with self._person:
            seconds = _lognormal(RECOVERY_S, RECOVERY_CV, self.rng.standard_normal())
            await asyncio.sleep(seconds)
        self.people_s += seconds
        self.recovering -= 1
        self.recovered += 1
        self.done += 1
        self._changed.set()

    def _start(self, coroutine: object) -> None:
        started = asyncio.create_task(coroutine)
        self._under_way.add(started)
        started.add_done_callback(self._ended)

    def _ended(self, started: asyncio.Task[None]) -> None:
        self._under_way.discard(started)
        if error := started.exception():
            raise SystemExit(f"a task of the batch has failed: {error!r}")

    async def _until(self, holds: object) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()


def _part(total: int, call: int) -> int:
    """Return a call's part of a whole number that is shared out evenly."""
    return total * (call + 1) // CALLS - total * call // CALLS


def _lognormal(mean: float, cv: float, z: float) -> float:
    """Return the value of a lognormal distribution at a standard normal score."""
    variance = math.log(1 + cv * cv)
    return float(mean * math.exp(math.sqrt(variance) * z - variance / 2))
