"""Spans of OTLP JSON exports, read by new and old names of attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan

from dispatch_sim.logs.readers.json_values import (
    Record,
    first_known,
    mapping,
    objects,
    or_zero,
    plausible,
    text,
)
from dispatch_sim.logs.readers.usage import Usage

EXPORT_KEYS = ("resourceSpans", "resource_spans", "batches")
"""Keys of an export: of the protocol, of its older versions, and of trace stores."""

_MODEL_CALLS = frozenset({"chat", "text_completion", "generate_content", "completion", "responses"})
_OPERATIONS = frozenset({"invoke_agent", "invoke_workflow", "execute_tool"})
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens")
_CACHE_READ = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
_CACHE_WRITE = ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens")
_CANCELLED = frozenset({"cancelled", "canceled", "cancellederror", "asyncio.exceptions.cancellederror"})
_ERROR = 2
_TYPES = ("stringValue", "string_value", "intValue", "int_value", "doubleValue", "double_value")


@dataclass(frozen=True, slots=True)
class Span:
    """One span.

    Attributes
    ----------
    operation : `invoke_agent`, `invoke_workflow`, `execute_tool`, `chat` for any model call, else empty.
    kind : as OTLP numbers it (3 is a client's).
    began, ended : microseconds since 1970.
    given, returned : lengths of the messages in and out; NaN if the log has none.
    """

    id: str
    trace: str
    parent: str | None
    operation: str
    kind: float
    began: int | None
    ended: int | None
    agent: str | None
    model: str | None
    conversation: str | None
    usage: Usage | None
    failed: bool
    cancelled: bool
    given: float
    returned: float


def spans_of(record: Record) -> Iterator[Span]:
    """Yield the spans of an export, of this or an older version of the protocol."""
    for resource in _first_list(record, *EXPORT_KEYS):
        for scope in _first_list(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            for raw in objects(scope, "spans"):
                span = _span(raw)
                if span is not None:
                    yield span


def _span(raw: Record) -> Span | None:
    id_, trace = _id(raw, "spanId", "span_id"), _id(raw, "traceId", "trace_id")
    if id_ is None or trace is None:
        return None
    parent = _id(raw, "parentSpanId", "parent_span_id")
    attributes = _attributes(raw)
    error = text(attributes, "error.type")
    return Span(
        # Ids of spans are unique within their trace only.
        id=f"{trace}/{id_}",
        trace=trace,
        parent=None if parent is None or not parent.strip("0") else f"{trace}/{parent}",
        operation=_operation(raw, attributes),
        kind=3.0 if raw.get("kind") == "SPAN_KIND_CLIENT" else plausible(raw.get("kind")),
        began=_moment(raw, "startTimeUnixNano", "start_time_unix_nano"),
        ended=_moment(raw, "endTimeUnixNano", "end_time_unix_nano"),
        agent=text(attributes, "gen_ai.agent.name"),
        model=text(attributes, "gen_ai.response.model") or text(attributes, "gen_ai.request.model"),
        conversation=text(attributes, "gen_ai.conversation.id"),
        usage=_usage(attributes),
        failed=error is not None or mapping(raw, "status").get("code") in (_ERROR, "STATUS_CODE_ERROR"),
        cancelled=(error or "").lower() in _CANCELLED,
        given=_length(attributes.get("gen_ai.input.messages")),
        returned=_length(attributes.get("gen_ai.output.messages")),
    )


def _first_list(record: Record, *keys: str) -> list[Record]:
    return next((objects(record, key) for key in keys if key in record), [])


def _id(raw: Record, *keys: str) -> str | None:
    return next((value for value in (text(raw, key) for key in keys) if value), None)


def _attributes(raw: Record) -> Record:
    """Return the attributes by name, whether OTLP lists them or a store has them by name."""
    by_name = raw.get("attributes")
    if isinstance(by_name, dict):
        return by_name
    attributes: Record = {}
    for each in objects(raw, "attributes"):
        key, value = text(each, "key"), mapping(each, "value")
        if key is not None:
            attributes[key] = next((value[kind] for kind in _TYPES if kind in value), value)
    return attributes


def _operation(raw: Record, attributes: Record) -> str:
    name = text(attributes, "gen_ai.operation.name") or (text(raw, "name") or "").partition(" ")[0]
    if name in _OPERATIONS:
        return name
    # Older spans have no operation; those that count tokens are model calls.
    counts_tokens = any(key in attributes for key in (*_INPUT, *_OUTPUT))
    is_old_call = counts_tokens and "gen_ai.operation.name" not in attributes
    return "chat" if name in _MODEL_CALLS or is_old_call else ""


def _usage(attributes: Record) -> Usage | None:
    sent, output = _count(attributes, _INPUT), _count(attributes, _OUTPUT)
    if isnan(sent) and isnan(output):
        return None
    sent, output = or_zero(sent), or_zero(output)
    read, written = or_zero(_count(attributes, _CACHE_READ)), or_zero(_count(attributes, _CACHE_WRITE))
    # By the conventions the input includes cached tokens; some writers count these separately.
    uncached = sent - read - written if read + written <= sent else sent
    return Usage(uncached, written, nan, read, output)


def _count(attributes: Record, keys: tuple[str, ...]) -> float:
    return first_known(*(plausible(_whole(attributes.get(key))) for key in keys))


def _whole(value: object) -> object:
    """Return a whole number that OTLP writes as a text; any other value as it is."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value


def _moment(raw: Record, *keys: str) -> int | None:
    for value in (_whole(raw.get(key)) for key in keys):
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**19:
            return value // 1000
    return None


def _length(value: object) -> float:
    return float(len(value)) if isinstance(value, str) else nan
