"""What goes wrong on the way to a server, as ProviderError that quotes neither key nor caller."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx

from bot.errors import ProviderError, ProviderTimeout
from bot.secrets import without

MESSAGE_CHARS = 200
QUOTED_WORDS = 3  # so many words in a row of what was sent make a message a quotation
RETRYABLE = frozenset({408, 409, 425, 429})  # and all from 500 on
SLIP = "tool_use_failed"  # Groq's 400 for a tool call that its model garbled: it may do better
WORD = re.compile(r"\w+")

Item = TypeVar("Item")


@asynccontextmanager
async def within(name: str, deadline_s: float, url: str) -> AsyncIterator[None]:
    """A deadline, and errors of the way as ProviderError of provider `name`."""
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except (TimeoutError, httpx.TimeoutException):
        raise ProviderTimeout(name, deadline_s) from None
    except httpx.HTTPError as error:
        raise cut(name, error, url) from None


def cut(name: str, error: BaseException | None, url: str) -> ProviderError:
    """Nobody is there, or the connection broke."""
    again = isinstance(error, httpx.TransportError)
    code = "unreachable" if isinstance(error, httpx.ConnectError) else "failed"
    what = f"{type(error).__name__} at {url}"
    return ProviderError(name, what, retryable=again, code=code)


def malformed(name: str, what: str) -> ProviderError:
    """An answer that makes no sense; the next one may."""
    return ProviderError(name, what, retryable=True, code="malformed")


async def pieces(
    stream: AsyncGenerator[Item, None], guard: Callable[[], AbstractAsyncContextManager[None]]
) -> AsyncGenerator[Item, None]:
    """`stream`, each piece awaited under a guard of its own."""
    async with aclosing(stream):
        while True:
            async with guard():
                piece = await anext(stream, None)
            if piece is None:
                return
            yield piece


def refusal(
    name: str, response: httpx.Response, *, key: str, key_env: str, sent: Sequence[str] = ()
) -> ProviderError:
    """An answer that is an error, its body read. `sent` is what may not be quoted."""
    code = response.status_code
    what = f"HTTP {code}: {told(response, key, sent)}"
    if code in (401, 403) and key_env:
        what += f" (check the key in {key_env})"
    return ProviderError(
        name,
        what,
        retryable=code in RETRYABLE or code >= 500 or _error_code(response) == SLIP,
        retry_after_s=retry_after_s(response.headers),
        code=str(code),
    )


def _error_code(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"].get("code"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def told(response: httpx.Response, key: str, sent: Sequence[str]) -> str:
    """The error's message; its code when the message quotes what was sent; else the status."""
    try:
        error = response.json()["error"]
        message, code = error.get("message"), error.get("code") or error.get("type")
    except (ValueError, KeyError, TypeError, AttributeError):
        return response.reason_phrase
    if isinstance(message, str) and message and not quotes(message, sent):
        return without(message, key)[:MESSAGE_CHARS]
    plain = isinstance(code, str) and re.fullmatch(r"[\w.-]{1,60}", code)
    return code if plain else response.reason_phrase


def quotes(message: str, sent: Sequence[str]) -> bool:
    """Do words of `sent` stand in it: all of a short text, three in a row of a longer one?"""
    said = f" {' '.join(WORD.findall(message.lower()))} "
    for text in sent:
        words = WORD.findall(text.lower())
        length = min(len(words), QUOTED_WORDS)
        runs = (words[at : at + length] for at in range(len(words) - length + 1))
        if length and any(f" {' '.join(run)} " in said for run in runs):
            return True
    return False


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds from now, sent as such or as a date; None for what is neither.

    A date is compared with the server's own Date where it tells one: its clock may differ from
    ours. One that has passed is 0.
    """
    told = headers.get("retry-after", "")
    try:
        wait_s = float(told)
    except ValueError:
        if (when := _date(told)) is None:
            return None
        now = _date(headers.get("date", "")) or datetime.now(UTC)
        return max(0.0, (when - now).total_seconds())
    return wait_s if 0 <= wait_s < math.inf else None


def _date(text: str) -> datetime | None:
    """An HTTP date, always in GMT; None for what is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of twenty digits
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
