"""The model API and its client: limits, accounting, cache, latency, prices, retries."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from dispatch_sim.scenario.base import Model, OrWord
from dispatch_sim.scenario.quantities import DollarsPerMillion, Limit, Number, Seconds, Share, Tokens


class Limits(Model):
    """The model API's token buckets, shared by all agents and the coordinator.

    Each is refilled continuously and holds `limit x scale x burst`.
    """

    requests: Limit = 1000.0
    """Requests. Default 1K/min: Anthropic's entry tier ('Start'), API documentation 'rate limits', read
    2026-11-24."""
    input_tokens: Limit = 2_000_000.0
    """Uncached input. Default 2M/min: same source as `requests`."""
    output_tokens: Limit = 400_000.0
    """Charged as produced, at the end of a call. Default 400K/min: same source as `requests`."""
    burst: Annotated[Seconds, Field(ge=0.001)] = 60.0
    """A full bucket holds what flows in during this time. Default 1m: limits are stated a minute."""
    scale: Annotated[Number, Field(ge=1e-6, le=1e6)] = 1.0
    """Multiplies the three limits; there to be swept. Default 1: the limits as they are stated."""

    def per_minute(self, limit: float | None) -> float:
        """Return what flows into a bucket in a minute; infinite without a limit."""
        return math.inf if limit is None else limit * self.scale

    def capacity(self, limit: float | None) -> float:
        """Return what a full bucket holds; infinite without a limit."""
        return self.per_minute(limit) * self.burst / 60


class Prices(Model):
    """Dollars a million tokens, by class."""

    input: DollarsPerMillion = 3.0
    """Uncached input that is not written to the cache. Default $3/M: Anthropic's list price for Sonnet
    models."""
    cache_write: DollarsPerMillion = 3.75
    """Uncached input that is written to the cache, to be read by the attempt's later calls. Default $3.75/M:
    the same list, 1.25 times the price of input."""
    cache_read: DollarsPerMillion = 0.3
    """Context sent again. Default $0.3/M: the same list, a tenth of the price of input."""
    output: DollarsPerMillion = 15.0
    """What the model writes. Default $15/M: the same list."""


class Cache(Model):
    """The provider's prompt cache, as entries that come into being and lapse."""

    ttl: Annotated[Seconds, Field(gt=0)] = 300.0
    """An entry lapses this long after the start of the last request that used it. Default 5m: Anthropic's
    prompt caching documentation, read 2026-11-24; it also offers 1h."""
    first_token: Seconds = 1.2
    """An entry can be read from this long after its request was admitted: when the response begins. With
    `latency` it is computed instead. Default 1.2s: the measured base latency of one large model."""
    minimum: Tokens = 1024.0
    """The smallest prefix that is cached. Default 1024: it is 512 to 4,096 by model (same source as
    `ttl`)."""


class Accounting(Model):
    """What the limiter counts."""

    cache_reads: bool = False
    """Whether input that is read from the cache counts. Default false: Anthropic's, API documentation 'rate
    limits', read 2026-11-24."""
    output: Literal["actual", "reserved"] = "actual"
    """`actual` charges output as it is produced, at the end of a call; `reserved` holds `max_tokens` from the
    start, and gives back at the end what was not used (OpenAI). Default actual: same source as
    `cache_reads`."""
    max_tokens: Tokens = 4096.0
    """What a request reserves. Default 4096: an assumption, what clients commonly ask for."""
    failed_requests: bool = False
    """Whether a refused try counts as a request (OpenAI: it does). Default false: same source as
    `cache_reads`."""


class Latency(Model):
    """The time of a call by what it does."""

    base: Seconds = 1.2
    """Of every call. Default 1.2s: measured, one large model."""
    per_output_token: Seconds = 0.0157
    """Per token that is written. Default 15.7ms: measured, the same model."""
    per_uncached_ktoken: Seconds = 0.038
    """Per 1,000 tokens of input that are not read from the cache. Default 38ms: measured, the same model."""
    per_cached_ktoken: Seconds = 0.009
    """Per 1,000 tokens that are. Default 9ms: measured, the same model."""


_UNLIMITED = {"requests": "unlimited", "input_tokens": "unlimited", "output_tokens": "unlimited"}


class Provider(Model):
    """The model API."""

    limits: Annotated[Limits, OrWord("unlimited", _UNLIMITED)] = Limits()
    on_limit: Literal["reject", "wait"] = "reject"
    """`reject` answers 429 with retry-after; `wait` queues first in, first out, as a gateway does. Default
    reject: what the vendors do."""
    retry_after: Annotated[Annotated[Seconds, Field(gt=0)] | None, OrWord("exact", None)] = None
    """What a 429 says: `exact` is the time until the buckets would hold enough if nobody else came; or a time
    that is always the same, as simpler gateways say. Default exact: what the vendors do."""
    overloaded: Share = 0.0
    """Probability that a try is answered 529, whatever the limits. The client backs off. Default 0%:
    left out; 0.09% of real calls were retried for whatever reason."""
    accounting: Accounting = Accounting()
    cache: Annotated[Cache | None, OrWord("warm", None)] = None
    """When a prompt's beginning can be read from the cache; `warm` has no timing: an agent always reads its
    own context, whenever it sent it, and agents share nothing. Default warm: the simplest that is about
    right."""
    latency: Annotated[Latency | None, OrWord("none", None)] = None
    """Where given, calls take what they do, and tasks have a `tool_time` in place of a `duration`. Default
    none: people know how long a task takes rather than a call."""
    prices: Prices = Prices()


class RetryAfter(Model):
    """How the client treats a 429's `retry-after`: it pauses `max(retry-after x (1 + jitter x u), floor)`."""

    up_to: Annotated[Seconds, Field(gt=0)] | Literal["unlimited"] = "unlimited"
    """Obeyed up to this. Default unlimited: as the current anthropic SDK; its older versions up to 60s,
    openai's up to 120s."""
    above: Literal["backoff", "give_up"] = "backoff"
    """What the client does with a longer one. Default backoff: as older anthropic SDKs; openai's gives up."""
    jitter: Share = 0.0
    """Part of `retry-after` that is added at random. Default 0%: the anthropic and openai SDKs obey it
    exactly; Claude Code adds up to 25%."""
    floor: Literal["none", "backoff"] = "none"
    """The shortest pause where `retry-after` is obeyed: `none`, or the client's own `backoff`. Default none:
    the same SDKs; Claude Code pauses for the longer of the two."""


class Client(Model):
    """The client's retries of a rejected call; backoff is `min(initial x factor^n, cap) x (1 - jitter x u)`.

    Each `u` is uniform between 0 and 1 and drawn by itself.
    """

    retries: Annotated[int, Field(ge=0, le=1000)] = 2
    """Tries after the first; when they are spent the attempt has failed. Default 2: the anthropic and openai
    SDKs."""
    initial: Seconds = 0.5
    """Backoff after the first try. Default 500ms: the same SDKs."""
    factor: Annotated[Number, Field(ge=1, le=100)] = 2.0
    """What each further backoff is multiplied by. Default 2: the same SDKs."""
    cap: Seconds = 8.0
    """Longest backoff, before jitter. Default 8s: the same SDKs."""
    jitter: Share = 0.25
    """Part of a backoff that is left out, or added, at random. Default 25%: the same SDKs."""
    jitter_direction: Literal["down", "up"] = "down"
    """Whether jitter shortens a backoff, or lengthens it to `(1 + jitter x u)`. Default down: the same SDKs;
    Claude Code's goes up."""
    extra_delay: Seconds = 0.0
    """A random delay, uniform from 0 to this, added to every pause. Default 0s: the same SDKs; litellm's
    Router adds up to 0.75 s."""
    retry_after: RetryAfter = RetryAfter()

    @property
    def signed_jitter(self) -> float:
        """The jitter, negative where it shortens a backoff."""
        return self.jitter if self.jitter_direction == "up" else -self.jitter
