"""What OpenAI's API sends piece by piece, as text, tool calls and samples; Groq speaks it too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any

from bot.audio.frame import Samples
from bot.errors import ProviderError
from bot.providers.base import Message, Piece, Tool, ToolCall
from bot.providers.http_errors import MESSAGE_CHARS, malformed, quotes
from bot.providers.pcm_stream import PcmReader

DONE = "[DONE]"
TAIL_S = 0.3  # what comes behind the last piece of a reply is there by then


def chat_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [_chat_message(message) for message in messages]


def _chat_message(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        told["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.calls
        ]
    if message.role == "tool":
        told["tool_call_id"] = message.call_id
    return told


def chat_tools(tools: Sequence[Tool]) -> dict[str, Any]:
    """What a request says of them; nothing where there are none, as not every server knows them."""
    told = [
        {
            "type": "function",
            "function": {
                "name": each.name,
                "description": each.about,
                "parameters": dict(each.parameters),
            },
        }
        for each in tools
    ]
    return {"tools": told} if told else {}


def told_by_people(messages: Sequence[Message]) -> list[str]:
    """What no error may quote: the conversation, not what the persona's author wrote."""
    calls = [call.arguments for message in messages for call in message.calls]
    return calls + [message.content for message in messages if message.role != "system"]


async def chat_pieces(
    name: str, events: AsyncGenerator[str, None], sent: Sequence[str]
) -> AsyncGenerator[Piece, None]:
    """A chat completion. Raises ProviderError, also when its end is missing."""
    calls = _Calls()
    async with aclosing(events):
        async for event in events:
            ended = event == DONE
            if not ended:
                text, ended = _piece(name, event, sent, calls)
                if text:
                    yield text
            if ended:
                for call in calls.whole():
                    yield call
                await _drain(events)
                return
    raise ProviderError(name, "the reply was cut off", retryable=True, code="cut")


class _Calls:
    """Tool calls, put together from the fragments in which they come."""

    def __init__(self) -> None:
        self._parts: dict[int, list[str]] = {}  # by index: id, name, arguments

    def feed(self, delta: dict[str, Any]) -> None:
        """Raises as malformed JSON does: ValueError, KeyError, TypeError, AttributeError."""
        for number, each in enumerate(delta.get("tool_calls") or ()):
            part = self._parts.setdefault(each.get("index", number), ["", "", ""])
            function = each.get("function") or {}
            part[0] = part[0] or each.get("id") or ""
            part[1] = part[1] or function.get("name") or ""
            part[2] += function.get("arguments") or ""

    def whole(self) -> list[ToolCall]:
        return [
            ToolCall(call_id or f"call_{index}", name, arguments)
            for index, (call_id, name, arguments) in sorted(self._parts.items())
        ]


async def _drain(events: AsyncGenerator[str, None]) -> None:
    """Read to the end, so that the connection serves again; the reply does not wait for it."""
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(TAIL_S):
            async for _ in events:
                pass


def _piece(name: str, event: str, sent: Sequence[str], calls: _Calls) -> tuple[str, bool]:
    """Text of one event, and whether the reply ends with it; tool calls go to `calls`."""
    try:
        chunk = json.loads(event)
        if "error" in chunk:
            why = str(chunk["error"].get("message") or "no reason given")[:MESSAGE_CHARS]
            why = "no reason to be told" if quotes(why, sent) else why
            raise ProviderError(name, f"broke off: {why}", retryable=True, code="broken")
        if not chunk["choices"]:  # the event that only counts tokens
            return "", False
        choice = chunk["choices"][0]
        calls.feed(choice["delta"])
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
