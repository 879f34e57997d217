"""The model API and its client: limits, accounting, cache, latency, prices, retries."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from dispatch_sim.scenario.base import Model
from dispatch_sim.scenario.quantities import DollarsPerMillion, Limit, Number, Seconds, Share, Tokens


def _unlimited(raw: Any) -> Any:
    """Read the word `unlimited` as limits that are all off."""
    if raw == "unlimited":
        return {"requests": "unlimited", "input_tokens": "unlimited", "output_tokens": "unlimited"}
    return raw


class _OrUnlimited:
    """Tells the JSON schema of the word `unlimited`."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"const": "unlimited"}]}


class Limits(Model):
    """The model API's token buckets, shared by all agents and the coordinator.

    Each is refilled continuously and holds `limit x scale x burst`.
    """

    requests: Limit = 1000.0
    """Default 1000/min: Anthropic's entry tier ('Start'), API documentation 'rate limits', read
    2026-11-24."""
    input_tokens: Limit = 2_000_000.0
    """Uncached input. Default 2M/min, same source."""
    output_tokens: Limit = 400_000.0
    """Charged as produced, at the end of a call. Default 400K/min, same source."""
    burst: Annotated[Seconds, Field(ge=0.001)] = 60.0
    """A full bucket holds what flows in during this time. Default 60s: limits are stated a minute."""
    scale: Annotated[Number, Field(ge=1e-6, le=1e6)] = 1.0
    """Multiplies the three limits; there to be swept."""

    def per_minute(self, limit: float | None) -> float:
        """Return what flows into a bucket in a minute; infinite without a limit."""
        return math.inf if limit is None else limit * self.scale

    def capacity(self, limit: float | None) -> float:
        """Return what a full bucket holds; infinite without a limit."""
        return self.per_minute(limit) * self.burst / 60


class Prices(Model):
    """Dollars a million tokens, by class. Defaults: Anthropic's list price for Sonnet models."""

    input: DollarsPerMillion = 3.0
    """Uncached input that is not written to the cache."""
    cache_write: DollarsPerMillion = 3.75
    """Uncached input that is written to the cache, to be read by the attempt's later calls."""
    cache_read: DollarsPerMillion = 0.3
    """Context sent again."""
    output: DollarsPerMillion = 15.0


class Cache(Model):
    """The provider's prompt cache, as entries that come into being and lapse.

    Defaults: Anthropic's, prompt caching documentation, read 2026-11-24.
    """

    ttl: Annotated[Seconds, Field(gt=0)] = 300.0
    """An entry lapses this long after the start of the last request that used it. Default 5m; also 1h."""
    first_token: Seconds = 1.2
    """An entry can be read from this long after its request was admitted: when the response begins. Default
    1.2s, the measured base latency of one large model. With `latency` it is computed instead."""
    minimum: Tokens = 1024.0
    """The smallest prefix that is cached. Default 1024; 512 to 4,096 by model."""


class Accounting(Model):
    """What the limiter counts. Defaults: Anthropic's, API documentation 'rate limits', read 2026-11-24."""

    cache_reads: bool = False
    """Whether input that is read from the cache counts."""
    output: Literal["actual", "reserved"] = "actual"
    """`actual` charges output as it is produced, at the end of a call; `reserved` holds `max_tokens` from the
    start, and gives back at the end what was not used (OpenAI)."""
    max_tokens: Tokens = 4096.0
    """What a request reserves. An assumption: what clients commonly ask for."""
    failed_requests: bool = False
    """Whether a refused try counts as a request (OpenAI: it does)."""


class Latency(Model):
    """The time of a call by what it does. Measured: 1.2s, 15.7ms, 38ms, 9ms for one large model."""

    base: Seconds = 1.2
    per_output_token: Seconds = 0.0157
    per_uncached_ktoken: Seconds = 0.038
    """Per 1,000 tokens of input that are not read from the cache."""
    per_cached_ktoken: Seconds = 0.009
    """Per 1,000 tokens that are."""


def _warm(raw: Any) -> Any:
    """Read the word `warm` as no timing."""
    return None if raw == "warm" else raw


class _OrWarm:
    """Tells the JSON schema of the word `warm`."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"const": "warm"}]}


class Provider(Model):
    """The model API."""

    limits: Annotated[Limits, BeforeValidator(_unlimited), _OrUnlimited()] = Limits()
    on_limit: Literal["reject", "wait"] = "reject"
    """`reject` answers 429 with retry-after, as the vendors do; `wait` queues first in, first out, as a
    gateway does."""
    overloaded: Share = 0.0
    """Probability that a try is answered 529, whatever the limits. The client backs off."""
    accounting: Accounting = Accounting()
    cache: Annotated[Cache | None, BeforeValidator(_warm), _OrWarm()] = None
    """When a prompt's beginning can be read from the cache. Default `warm`: an agent always reads its own
    context, whenever it sent it, and agents share nothing."""
    latency: Latency | None = None
    """Where given, calls take what they do, and tasks have a `tool_time` in place of a `duration`."""
    prices: Prices = Prices()


class RetryAfter(Model):
    """How the client treats a 429's `retry-after`."""

    up_to: Annotated[Seconds, Field(gt=0)] | Literal["unlimited"] = "unlimited"
    """Obeyed, exactly and without jitter, up to this. Default unlimited, as the current anthropic SDK;
    its older versions up to 60s, openai's up to 120s."""
    above: Literal["backoff", "give_up"] = "backoff"
    """What the client does with a longer one. anthropic's backs off, openai's gives up."""


class Client(Model):
    """The client's retries of a refused call: `min(initial x factor^n, cap) x (1 - jitter x u)`.

    Defaults: the anthropic and openai SDKs.
    """

    retries: Annotated[int, Field(ge=0, le=1000)] = 2
    """Tries after the first; when they are spent the attempt has failed."""
    initial: Seconds = 0.5
    factor: Annotated[Number, Field(ge=1, le=100)] = 2.0
    cap: Seconds = 8.0
    jitter: Share = 0.25
    retry_after: RetryAfter = RetryAfter()
