"""The client libraries: one call of each, through its own retries."""

from typing import Any

import anthropic
import httpx2
import openai

from clients.api import Api


class RateLimitedError(Exception):
    """The client has given up; `retry_after_s` is what the last 429 said."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s


class Library:
    """A client library with its retries.

    Parameters
    ----------
    name : `anthropic` or `openai`.
    api : what it talks to.
    retries : its `max_retries`.
    """

    def __init__(self, name: str, api: Api, retries: int) -> None:
        http = httpx2.AsyncClient(transport=api)
        self._message: Any = [{"role": "user", "content": "work"}]
        if name == "anthropic":
            own = anthropic.AsyncAnthropic(
                api_key="none", base_url="http://api", max_retries=retries, http_client=http
            )
            self._create: Any = own.messages.create
            self._error: Any = anthropic.RateLimitError
        else:
            other = openai.AsyncOpenAI(
                api_key="none", base_url="http://api/v1", max_retries=retries, http_client=http
            )
            self._create = other.chat.completions.create
            self._error = openai.RateLimitError

    async def call(self, tokens: int, output: int, seconds: float, identity: str = "") -> None:
        """Make a call that sends so many tokens that count, and writes so many; raises RateLimitedError."""
        headers = {
            "x-input": str(tokens),
            "x-output": str(output),
            "x-seconds": repr(seconds),
            "x-id": identity,
        }
        try:
            await self._create(model="m", max_tokens=16, messages=self._message, extra_headers=headers)
        except self._error as error:
            raise RateLimitedError(float(error.response.headers["retry-after"])) from None

    async def warm_up(self) -> None:
        """Make a first call, in which the libraries look at the machine in a thread, out of virtual time."""
        await self.call(0, 0, 0.0)
