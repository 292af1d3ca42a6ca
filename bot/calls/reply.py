"""A reply as a model writes it, with what it looks up or does on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import TypeAlias

from bot.calls.toolbox import Toolbox
from bot.providers.base import LanguageModel, Message, Piece, ToolCall

MOST_ROUNDS = 4  # times a model may ask for tools within one reply; then it has to speak
BREAK = "\n"  # what was said so far is a clause: it is spoken while a tool works

InTime: TypeAlias = Callable[[AsyncIterator[Piece]], AsyncIterator[Piece]]


async def written(
    llm: LanguageModel, messages: Sequence[Message], box: Toolbox, turn: int, in_time: InTime
) -> AsyncGenerator[str, None]:
    """The text in pieces; "" tells of a tool that is asked for before any text.

    `in_time` puts deadlines on a model's stream. Raises ProviderError.
    """
    talk = list(messages)
    for rounds_left in range(MOST_ROUNDS, -1, -1):
        text, calls = "", list[ToolCall]()
        async for piece in in_time(llm.reply(talk, tools=box.tools if rounds_left else ())):
            if isinstance(piece, ToolCall):
                calls.append(piece)
                yield ""
            else:
                text += piece
                yield piece
        if not calls or not rounds_left:
            return
        if text:
            yield BREAK
        outcomes = [await box.use(turn, call) for call in calls]
        for outcome in outcomes:
            if outcome.say:
                yield f"{outcome.say}{BREAK}"
        if not any(outcome.model_goes_on for outcome in outcomes):
            return
        talk.append(Message("assistant", text, calls=tuple(calls)))
        talk += [
            Message("tool", outcome.result, call_id=call.call_id)
            for call, outcome in zip(calls, outcomes, strict=True)
        ]
