"""A reply no longer than a caller listens: whole sentences up to a number of words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import cast

from sentencex import segment

from bot.providers.base import LanguageModel, Message, Piece, Tool, ToolCall

ENDLESS = 2  # a sentence is cut in its middle after so many times the limit


class Brief:
    """A language model that is listened to until the sentence ends that reaches `max_words`.

    Where there are tools it is read on, unheard, for as many words again: one may come behind.
    """

    def __init__(self, llm: LanguageModel, max_words: int, language: str) -> None:
        self.name = llm.name
        self._llm, self._max_words, self._language = llm, max_words, language

    async def reply(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Piece]:
        limit = _Limit(self._max_words, self._language)
        stream = cast("AsyncGenerator[Piece, None]", self._llm.reply(messages, tools=tools))
        async with aclosing(stream):
            async for piece in stream:
                if isinstance(piece, ToolCall):
                    yield piece
                elif heard := limit.take(piece):
                    yield heard
                if limit.reached and (not tools or limit.unheard_words > self._max_words):
                    return

    async def close(self) -> None:
        await self._llm.close()


class _Limit:
    """Fed a reply piece by piece."""

    def __init__(self, max_words: int, language: str) -> None:
        self._max_words, self._language = max_words, language
        self._written = ""
        self.reached = False
        self.unheard_words = 0

    def take(self, piece: str) -> str:
        """What of the piece still belongs to the reply."""
        if self.reached:
            self.unheard_words += len(piece.split())
            return ""
        begun = len(self._written)
        self._written += piece
        words = len(self._written.split())
        end = self._sentence_end() if words > self._max_words else None
        if end is None and words > ENDLESS * self._max_words:
            end = len(self._written)
        if end is None:
            return piece
        self.reached = True
        return self._written[begun:end]

    def _sentence_end(self) -> int | None:
        """Where the sentence ends that reaches the limit; None while it goes on."""
        at = words = 0
        for sentence in list(segment(self._language, self._written))[:-1]:
            at = self._written.index(sentence, at) + len(sentence)
            words += len(sentence.split())
            if words >= self._max_words:
                return at
        return None
