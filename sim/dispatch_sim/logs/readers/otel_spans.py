"""Spans out of OTLP JSON: what is asked of each, by old and new names of attributes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dispatch_sim.logs.readers.json_values import Record, believed, mapping, objects, or_zero, text
from dispatch_sim.logs.readers.tables import NAN
from dispatch_sim.logs.readers.usage import Usage

EXPORTS = ("resourceSpans", "resource_spans", "batches")
"""Keys of an export, by the protocol and its older versions, and in what trace stores give out."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span.

    Attributes
    ----------
    operation : `invoke_agent`, `invoke_workflow`, `execute_tool`, `chat` for any model call, else empty.
    kind : as OTLP numbers it (3 is a client's).
    began, ended : microseconds since 1970.
    given, returned : lengths of the messages in and out, where the log has them.
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
    """Yield the spans of an export, also of one by older versions of the protocol."""
    for resource in _either(record, *EXPORTS):
        for scope in _either(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            for span in objects(scope, "spans"):
                read = _span(span)
                if read is not None:
                    yield read


_CALLS = frozenset({"chat", "text_completion", "generate_content", "completion", "responses"})
_OPERATIONS = frozenset({"invoke_agent", "invoke_workflow", "execute_tool"})
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens")
_READ = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
_WRITTEN = ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens")
_CANCELLED = frozenset({"cancelled", "canceled", "cancellederror", "asyncio.exceptions.cancellederror"})
_ERROR = 2


def _span(span: Record) -> Span | None:
    id_, trace = _id(span, "spanId", "span_id"), _id(span, "traceId", "trace_id")
    if id_ is None or trace is None:
        return None
    said = _attributes(span)
    error = text(said, "error.type")
    code = mapping(span, "status").get("code")
    return Span(
        # Ids of spans are unique in their trace only.
        id=f"{trace}/{id_}",
        trace=trace,
        parent=_parent(span, trace),
        operation=_operation(span, said),
        kind=_kind(span.get("kind")),
        began=_moment(span, "startTimeUnixNano", "start_time_unix_nano"),
        ended=_moment(span, "endTimeUnixNano", "end_time_unix_nano"),
        agent=text(said, "gen_ai.agent.name"),
        model=text(said, "gen_ai.response.model") or text(said, "gen_ai.request.model"),
        conversation=text(said, "gen_ai.conversation.id"),
        usage=_usage(said),
        failed=error is not None or code in (_ERROR, "STATUS_CODE_ERROR"),
        cancelled=(error or "").lower() in _CANCELLED,
        given=_length(said.get("gen_ai.input.messages")),
        returned=_length(said.get("gen_ai.output.messages")),
    )


def _either(record: Record, *keys: str) -> list[Record]:
    return next((objects(record, key) for key in keys if key in record), [])


def _id(span: Record, *keys: str) -> str | None:
    return next((found for found in (text(span, key) for key in keys) if found), None)


def _parent(span: Record, trace: str) -> str | None:
    parent = _id(span, "parentSpanId", "parent_span_id")
    return None if parent is None or not parent.strip("0") else f"{trace}/{parent}"


def _attributes(span: Record) -> Record:
    """Return the attributes by name, whether they are listed as OTLP does or stand by name already."""
    named = span.get("attributes")
    if isinstance(named, dict):
        return named
    found: Record = {}
    for each in objects(span, "attributes"):
        key, value = text(each, "key"), mapping(each, "value")
        if key is None:
            continue
        for kind in ("stringValue", "string_value", "intValue", "int_value", "doubleValue", "double_value"):
            if kind in value:
                found[key] = value[kind]
                break
        else:
            found[key] = value
    return found


def _operation(span: Record, said: Record) -> str:
    named = text(said, "gen_ai.operation.name") or (text(span, "name") or "").partition(" ")[0]
    if named in _OPERATIONS:
        return named
    has_usage = any(key in said for key in (*_INPUT, *_OUTPUT))
    # Spans from before operations had names are model calls where they count tokens.
    return "chat" if named in _CALLS or (has_usage and "gen_ai.operation.name" not in said) else ""


def _usage(said: Record) -> Usage | None:
    sent, wrote = _count(said, _INPUT), _count(said, _OUTPUT)
    if math.isnan(sent) and math.isnan(wrote):
        return None
    read, written = or_zero(_count(said, _READ)), or_zero(_count(said, _WRITTEN))
    sent = or_zero(sent)
    # By the conventions the input includes what is cached; some writers count that apart.
    plain = sent - read - written if read + written <= sent else sent
    return Usage(input=plain, cache_write=written, cache_read=read, output=or_zero(wrote))


def _count(said: Record, keys: tuple[str, ...]) -> float:
    return next((number for number in map(_number, map(said.get, keys)) if not math.isnan(number)), NAN)


def _number(found: object) -> float:
    """Return a count; OTLP writes whole numbers of 64 bits as texts."""
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20:
        return believed(int(found))
    return believed(found)


def _moment(span: Record, *keys: str) -> int | None:
    for key in keys:
        found = span.get(key)
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20:
            found = int(found)
        if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 10**19:
            return found // 1000
    return None


def _kind(found: object) -> float:
    return 3.0 if found == "SPAN_KIND_CLIENT" else believed(found)


def _length(found: object) -> float:
    return float(len(found)) if isinstance(found, str) else NAN
