"""A pretended model API with the three token buckets of Anthropic's and OpenAI's limits.

It is a transport for the HTTP client of a real library: a request is admitted and answered after its
duration, or answered at once with 429 and `retry-after`. Of a request it reads headers alone: `x-input`
(tokens that count), `x-output` (tokens that it will write), `x-seconds` (how long that takes), `x-id`.
"""

import asyncio
import json
from dataclasses import dataclass, field

import httpx2

ANSWERS = {
    "/v1/messages": {
        "id": "msg",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "done"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "/v1/chat/completions": {
        "id": "chat",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "done"}}
        ],
    },
}
"""What an admitted request is answered, by its path."""

BODIES = {path: json.dumps(answer).encode() for path, answer in ANSWERS.items()}
REFUSAL = json.dumps(
    {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
).encode()


class Buckets:
    """Buckets of requests, input and output tokens, full at the start; each holds a minute's inflow."""

    def __init__(self, per_minute: tuple[float, float, float]) -> None:
        self._per_minute = self._levels = per_minute
        self._updated_s = asyncio.get_running_loop().time()

    def admit(self, tokens: int) -> float:
        """Charge a request and its input, and return 0; or return the seconds until it could be admitted."""
        self.charge()
        needed = zip((1, tokens, 0), self._levels, self._per_minute, strict=True)
        wait_s = max((amount - level) / (limit / 60) for amount, level, limit in needed)
        if wait_s > 1e-9:
            return wait_s
        self.charge(requests=1, tokens=tokens)
        return 0.0

    def charge(self, requests: int = 0, tokens: int = 0, output: int = 0) -> None:
        """Let in what has flowed since, and charge a request, input or output; a bucket may go into debt.

        Output is charged when it has been written, and an agent's result when the coordinator reads it.
        """
        now_s = asyncio.get_running_loop().time()
        used = zip(self._levels, self._per_minute, (requests, tokens, output), strict=True)
        passed_s, self._updated_s = now_s - self._updated_s, now_s
        requests_left, input_left, output_left = (
            min(limit, level + limit / 60 * passed_s) - amount for level, limit, amount in used
        )
        self._levels = requests_left, input_left, output_left


@dataclass
class Api(httpx2.AsyncBaseTransport):
    """The API, and what it has counted.

    Attributes
    ----------
    per_minute : the limits of requests, of input tokens that no cache holds, and of output tokens.
    refused : requests answered 429.
    admitted : of requests that somebody waits for, by `x-id`: set when it is admitted.
    """

    per_minute: tuple[float, float, float]
    refused: int = 0
    admitted: dict[str, asyncio.Event] = field(default_factory=dict)

    def reset(self) -> None:
        """Begin a batch: full buckets, nothing counted."""
        self.buckets = Buckets(self.per_minute)
        self.refused = 0
        self.admitted.clear()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request: when it is done, or at once with 429."""
        headers = request.headers
        content_type = {"content-type": "application/json"}
        wait_s = self.buckets.admit(int(headers["x-input"]))
        if wait_s:
            self.refused += 1
            # A client that comes back after exactly so long must not be refused for a rounding error.
            limited = content_type | {"retry-after": repr(wait_s + 1e-6)}
            return httpx2.Response(429, headers=limited, content=REFUSAL, request=request)
        if (identity := headers.get("x-id")) in self.admitted:
            self.admitted[identity].set()
        await asyncio.sleep(float(headers["x-seconds"]))
        self.buckets.charge(output=int(headers["x-output"]))
        return httpx2.Response(200, headers=content_type, content=BODIES[request.url.path], request=request)
