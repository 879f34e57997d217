"""The model API and its client: limits, accounting, cache, latency, prices, retries."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from dispatch_sim.scenario.base import Model, OrWord
from dispatch_sim.scenario.quantities import DollarsPerMillion, Limit, Number, Seconds, Share, Tokens


class Limits(Model):
    """The model API's token buckets, shared by all agents and the coordinator.

    Each is refilled continuously and holds up to `limit x scale x burst`.
    """

    requests: Limit = 1000.0
    """Requests per minute. Default 1K/min: Anthropic's entry tier ('Start'), API documentation 'rate limits',
    read 2026-11-24."""
    input_tokens: Limit = 2_000_000.0
    """Uncached input tokens. Default 2M/min: same source as `requests`."""
    output_tokens: Limit = 400_000.0
    """Output tokens, charged at the end of a call. Default 400K/min: same source as `requests`."""
    burst: Annotated[Seconds, Field(ge=0.001)] = 60.0
    """A full bucket holds the inflow of this time. Default 1m: limits are stated per minute."""
    scale: Annotated[Number, Field(ge=1e-6, le=1e6)] = 1.0
    """Multiplies the three limits; meant for sweeps. Default 1: the limits as stated."""

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit at all."""
        return self.requests is None and self.input_tokens is None and self.output_tokens is None

    def per_minute(self, limit: float | None) -> float:
        """Return what flows into a bucket in a minute; infinite without a limit."""
        return math.inf if limit is None else limit * self.scale

    def capacity(self, limit: float | None) -> float:
        """Return what a full bucket holds; infinite without a limit."""
        return self.per_minute(limit) * self.burst / 60


class Prices(Model):
    """Dollars per million tokens, by class."""

    input: DollarsPerMillion = 3.0
    """Uncached input that is not written to the cache. Default $3/M: Anthropic's list price for Sonnet
    models."""
    cache_write: DollarsPerMillion = 3.75
    """Uncached input that is written to the cache, for the attempt's later calls. Default $3.75/M:
    the same list, 1.25 times the price of input."""
    cache_read: DollarsPerMillion = 0.3
    """Input that is read from the cache. Default $0.3/M: the same list, a tenth of the price of input."""
    output: DollarsPerMillion = 15.0
    """Output. Default $15/M: the same list."""


class Cache(Model):
    """The provider's prompt cache, as entries that are written and expire."""

    ttl: Annotated[Seconds, Field(gt=0)] = 300.0
    """An entry expires this long after the start of the last request that used it. Default 5m: Anthropic's
    prompt caching documentation, read 2026-11-24; it also offers 1h."""
    first_token: Seconds = 1.2
    """An entry can be read this long after its request was admitted: when the response begins. With
    `latency` it is computed instead. Default 1.2s: the measured base latency of one large model."""
    minimum: Tokens = 1024.0
    """The smallest prefix that is cached. Default 1024: it is 512 to 4,096 by model (same source as
    `ttl`)."""


class Accounting(Model):
    """What the rate limiter counts."""

    cache_reads: bool = False
    """Whether input that is read from the cache counts. Default false: Anthropic's, API documentation 'rate
    limits', read 2026-11-24."""
    output: Literal["actual", "reserved"] = "actual"
    """`actual` charges output at the end of a call. `reserved` holds `max_tokens` from the start, and returns
    the unused part at the end (OpenAI). Default actual: same source as
    `cache_reads`."""
    max_tokens: Tokens = 4096.0
    """Output tokens that a request reserves. Default 4096: an assumption, what clients commonly request."""
    failed_requests: bool = False
    """Whether a rate-limited request attempt counts as a request (OpenAI: it does). Default false: same
    source as `cache_reads`."""


class Latency(Model):
    """The time of a call, from its tokens."""

    base: Seconds = 1.2
    """Per call. Default 1.2s: measured, one large model."""
    per_output_token: Seconds = 0.0157
    """Per output token. Default 15.7ms: measured, the same model."""
    per_uncached_ktoken: Seconds = 0.038
    """Per 1,000 input tokens that are not read from the cache. Default 38ms: measured, the same model."""
    per_cached_ktoken: Seconds = 0.009
    """Per 1,000 input tokens that are read from the cache. Default 9ms: measured, the same model."""


_LIMITED = ("requests", "input_tokens", "output_tokens")
_UNLIMITED = dict.fromkeys(_LIMITED, "unlimited")


class Provider(Model):
    """The model API."""

    limits: Annotated[Limits, OrWord("unlimited", _UNLIMITED)] = Limits()
    on_limit: Literal["reject", "wait"] = "reject"
    """`reject` answers 429 with retry-after. `wait` queues requests first in, first out, as a gateway does.
    Default reject: what the vendors do."""
    retry_after: Annotated[Annotated[Seconds, Field(gt=0)] | None, OrWord("exact", None)] = None
    """The `retry-after` of a 429: `exact` is the time until the buckets hold enough, without other requests.
    A fixed time is what simpler gateways send. Default exact: what the vendors do."""
    overloaded: Share = 0.0
    """Probability that a request attempt is answered 529, whatever the limits. The client backs off. Default
    0%: left out; 0.09% of real calls were retried for whatever reason."""
    accounting: Accounting = Accounting()
    cache: Annotated[Cache | None, OrWord("warm", None)] = None
    """When a prompt's prefix can be read from the cache. `warm` has no timing: an agent always reads its own
    earlier context, and agents share nothing. Default warm: the simplest that is about right."""
    latency: Annotated[Latency | None, OrWord("none", None)] = None
    """With it, the time of a call follows from its tokens, and tasks have a `tool_time` in place of a
    `duration`. Default none: people know how long a task takes rather than a call."""
    prices: Prices = Prices()


class RetryAfter(Model):
    """How the client obeys the `retry-after` of a 429: it pauses `max(retry-after x (1 + jitter x u),
    floor)`."""

    up_to: Annotated[Seconds, Field(gt=0)] | Literal["unlimited"] = "unlimited"
    """The longest that is obeyed. Default unlimited: as the current anthropic SDK; its older versions up to
    60s, openai's up to 120s."""
    above: Literal["backoff", "give_up"] = "backoff"
    """What the client does if it is longer. Default backoff: as older anthropic SDKs; openai's gives up."""
    jitter: Share = 0.0
    """Part of `retry-after` that is added at random. Default 0%: the anthropic and openai SDKs obey it
    exactly; Claude Code adds up to 25%."""
    floor: Literal["none", "backoff"] = "none"
    """The shortest pause where `retry-after` is obeyed: `none`, or the client's own `backoff`. Default none:
    the same SDKs; Claude Code pauses for the longer of the two."""


class Pacing(Model):
    """The limiter in the client that a strategy with `pace: limits` has.

    It mirrors the provider's buckets and what they count. Agents and the coordinator share it; calls wait in
    it, first in, first out. A call larger than a bucket waits for a full one.
    """

    requests: Limit | Literal["provider"] = "provider"
    """Requests. Default provider: the provider's own limit, as a limiter is usually set."""
    input_tokens: Limit | Literal["provider"] = "provider"
    """Uncached input. Default provider: same source as `requests`."""
    output_tokens: Limit | Literal["provider"] = "provider"
    """Output. Default provider: same source as `requests`."""
    margin: Annotated[Share, Field(gt=0)] = 1.0
    """Part of rates and capacities that is used. Default 100%: with it no call is rate-limited if nobody else
    shares the limits."""

    def limits(self, provider: Limits) -> Limits:
        """Return the limits that it keeps."""

        def rate(own: float | Literal["provider"] | None, of_provider: float | None) -> float | None:
            if own != "provider":
                return own
            return None if of_provider is None else provider.per_minute(of_provider)

        rates = {name: rate(getattr(self, name), getattr(provider, name)) for name in _LIMITED}
        return provider.model_copy(update=rates | {"scale": self.margin})


class Client(Model):
    """The retries of a rejected request; backoff is `min(initial x factor^n, cap) x (1 - jitter x u)`.

    Each `u` is an independent uniform variate between 0 and 1.
    """

    retries: Annotated[int, Field(ge=0, le=1000)] = 2
    """Request attempts after the first; when all are rejected the attempt fails. Default 2: the anthropic and
    openai SDKs."""
    initial: Seconds = 0.5
    """Backoff after the first rejection. Default 500ms: the same SDKs."""
    factor: Annotated[Number, Field(ge=1, le=100)] = 2.0
    """Multiplier of each further backoff. Default 2: the same SDKs."""
    cap: Seconds = 8.0
    """Longest backoff, before jitter. Default 8s: the same SDKs."""
    jitter: Share = 0.25
    """Part of a backoff that is subtracted, or added, at random. Default 25%: the same SDKs."""
    jitter_direction: Literal["down", "up"] = "down"
    """Whether jitter shortens a backoff, or lengthens it to `(1 + jitter x u)`. Default down: the same SDKs;
    Claude Code's goes up."""
    extra_delay: Seconds = 0.0
    """A random delay, uniform from 0 to this, added to every pause. Default 0s: the same SDKs; litellm's
    Router adds up to 0.75 s."""
    retry_after: RetryAfter = RetryAfter()
    pacing: Pacing = Pacing()
    can_be_paced: bool = True
    """Whether a limiter can hold its calls back; if not, the default `strategies` leave out `paced`. Default
    true: SDKs and scripts; the profiles of Claude Code and similar programs say false."""

    @property
    def signed_jitter(self) -> float:
        """The jitter, negative where it shortens a backoff."""
        return self.jitter if self.jitter_direction == "up" else -self.jitter
