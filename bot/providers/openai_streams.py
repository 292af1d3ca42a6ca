"""What OpenAI's API sends piece by piece, read as text and as samples; Groq speaks it too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from bot.audio.frame import Samples
from bot.errors import ProviderError
from bot.providers.base import Message
from bot.providers.http_errors import MESSAGE_CHARS, malformed, quotes
from bot.providers.pcm_stream import PcmReader

DONE = "[DONE]"
TAIL_S = 0.3  # what comes behind the last piece of a reply is there by then


def chat_messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def told_by_people(messages: Sequence[Message]) -> list[str]:
    """What no error may quote: the conversation, not what the persona's author wrote."""
    return [message.content for message in messages if message.role != "system"]


async def chat_text(
    name: str, events: AsyncGenerator[str, None], sent: Sequence[str]
) -> AsyncGenerator[str, None]:
    """The text of a chat completion. Raises ProviderError, also when its end is missing."""
    async with aclosing(events):
        async for event in events:
            text, ended = ("", True) if event == DONE else _piece(name, event, sent)
            if text:
                yield text
            if ended:
                await _drain(events)
                return
    raise ProviderError(name, "the reply was cut off", retryable=True, code="cut")


async def _drain(events: AsyncGenerator[str, None]) -> None:
    """Read to the end, so that the connection serves again; the reply does not wait for it."""
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(TAIL_S):
            async for _ in events:
                pass


def _piece(name: str, event: str, sent: Sequence[str]) -> tuple[str, bool]:
    """Text of one event, and whether the reply ends with it."""
    try:
        chunk = json.loads(event)
        if "error" in chunk:
            why = str(chunk["error"].get("message") or "no reason given")[:MESSAGE_CHARS]
            why = "no reason to be told" if quotes(why, sent) else why
            raise ProviderError(name, f"broke off: {why}", retryable=True, code="broken")
        if not chunk["choices"]:  # the event that only counts tokens
            return "", False
        choice = chunk["choices"][0]
        return choice["delta"].get("content") or "", bool(choice.get("finish_reason"))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise malformed(name, "sent a malformed chunk") from None


async def samples(
    name: str, audio: AsyncGenerator[bytes, None], reader: PcmReader
) -> AsyncGenerator[Samples, None]:
    """The samples of a body as they come. Raises ProviderError."""
    async with aclosing(audio):
        try:
            async for piece in audio:
                chunk = reader.feed(piece)
                if len(chunk):
                    yield chunk
            rest = reader.finish()
        except ValueError as error:
            raise ProviderError(name, str(error), retryable=False, code="malformed") from None
    if len(rest):
        yield rest
