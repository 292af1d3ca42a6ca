"""What a persona hears, thinks and speaks with: chains behind the three protocols.

A stream that fails before its first piece is replaced and nobody hears of it. After that the
caller may have heard its beginning. A reply is not begun again: the error goes to the engine, which
knows what was heard and says sorry. A voice that breaks off is followed by the next one, which
goes on with the words that were not spoken yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import resample_clip, slices, to_bus
from bot.errors import ProviderError, ProviderTimeout
from bot.providers.base import (
    LanguageModel,
    Message,
    Piece,
    Setting,
    SpeechToText,
    TextToSpeech,
    Tool,
    Transcript,
    Voice,
)
from bot.providers.chain import Answered, Chain, Named, Patience
from bot.providers.hedge import Hedge
from bot.providers.text_parts import unspoken
from bot.providers.trail import answered

P = TypeVar("P", bound=Named)
Item = TypeVar("Item")


class FallbackSpeechToText:
    """`name` and `rate` are those of the first; audio for the others is brought to theirs."""

    def __init__(self, chain: Chain[SpeechToText], *, hedge: bool = False) -> None:
        self._chain = chain
        self._hedge = Hedge() if hedge and len(chain.links) > 1 else None
        self.name = chain.name
        self.rate = chain.links[0].provider.rate

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        async def request(stt: SpeechToText) -> Transcript:
            theirs = pcm
            if stt.rate != self.rate:
                theirs = await asyncio.to_thread(resample_clip, pcm, self.rate, stt.rate)
            return await stt.transcribe(theirs, language=language, urgent=urgent, expect=expect)

        asking = self._hedge.ask(self._chain, request) if self._hedge else self._chain.ask(request)
        answer = await asking
        answered(answer.link.provider.name)
        return answer.value

    async def close(self) -> None:
        await self._chain.close()


class FallbackLanguageModel:
    """A model that writes nothing at all has failed as well."""

    def __init__(self, chain: Chain[LanguageModel]) -> None:
        self._chain = chain
        self.name = chain.name

    def reply(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Piece]:
        async def request(llm: LanguageModel) -> _Begun[Piece]:
            begun = await _begin(llm.reply(messages, tools=tools))
            if not begun.head:
                raise ProviderError(llm.name, "wrote nothing", retryable=True, code="empty")
            return begun

        return _stream(self._chain, request)

    async def close(self) -> None:
        await self._chain.close()


class FallbackTextToSpeech:
    """`rate` is the one they share, else that of the bus."""

    does: frozenset[Setting] = frozenset({"speed", "pitch", "style"})  # or has it done

    def __init__(self, chain: Chain[TextToSpeech]) -> None:
        self._chain = chain
        self.name = chain.name
        rates = {link.provider.rate for link in chain.links}
        self.rate = rates.pop() if len(rates) == 1 else BUS_HZ

    async def speak(self, text: str, *, voice: Voice) -> AsyncGenerator[Samples, None]:
        """See TextToSpeech. Raises the error of a voice that breaks off when none is left."""
        chain, words = self._chain, text
        while True:
            answer = await chain.begin(partial(self._begun, words, voice))
            left, samples = chain.after(answer.link), 0
            try:
                async with aclosing(_pieces(answer, chain.patience, waited_for=left)) as chunks:
                    async for chunk in chunks:
                        samples += len(chunk)
                        yield chunk
                return
            except ProviderError:
                if left is None:
                    raise
                chain, words = left, unspoken(words, samples / self.rate * voice.speed)
                if not words:  # it broke off behind the last of them
                    answered(answer.link.provider.name)
                    return

    async def _begun(self, text: str, voice: Voice, tts: TextToSpeech) -> _Begun[Samples]:
        return await _begin(self._converted(tts, tts.speak(text, voice=self._voice(tts, voice))))

    def _voice(self, tts: TextToSpeech, voice: Voice) -> Voice:
        """A speaker's name means nothing to any but the provider it was chosen for."""
        first = tts is self._chain.links[0].provider
        return voice if first else replace(voice, preset_id="", style="")

    async def _converted(
        self, tts: TextToSpeech, chunks: AsyncIterator[Samples]
    ) -> AsyncGenerator[Samples, None]:
        convert = None if tts.rate == self.rate else to_bus(tts.rate)
        try:
            async for chunk in chunks:
                for piece in slices(chunk, tts.rate) if convert else (chunk,):
                    yield convert(piece) if convert else piece
        finally:
            await _close(chunks)

    async def close(self) -> None:
        await self._chain.close()

    def provider(self, name: str) -> TextToSpeech:
        """One of the chain by name; the first for a name that is not in it."""
        providers = [link.provider for link in self._chain.links]
        return next((each for each in providers if each.name == name), providers[0])


def speaker(tts: TextToSpeech, name: str = "") -> str:
    """Whose voice speaks, to tell apart what is kept of it: provider and its own voice.

    `name` is who of a chain answered; by default whoever is asked first.
    """
    single = tts.provider(name) if isinstance(tts, FallbackTextToSpeech) else tts
    return f"{single.name} {getattr(single, 'voice_name', '')}"


@dataclass(frozen=True, slots=True)
class _Begun(Generic[Item]):
    """A stream whose first piece is there; none when it ended without one."""

    head: tuple[Item, ...]
    rest: AsyncIterator[Item]


async def _begin(stream: AsyncIterator[Item]) -> _Begun[Item]:
    async for piece in stream:
        return _Begun((piece,), stream)
    return _Begun((), stream)


async def _stream(
    chain: Chain[P], request: Callable[[P], Awaitable[_Begun[Item]]]
) -> AsyncIterator[Item]:
    """The pieces of the first who begins."""
    answer = await chain.begin(request)
    async with aclosing(_pieces(answer, chain.patience)) as pieces:
        async for piece in pieces:
            yield piece


async def _pieces(
    answer: Answered[P, _Begun[Item]], patience: Patience, waited_for: Chain[P] | None = None
) -> AsyncGenerator[Item, None]:
    """The pieces of an answer; the circuit is told how it went on.

    Each is there within the deadline; sooner when somebody else waits to go on.
    """
    name = answer.link.provider.name
    answered(name)
    deadline_s = patience.deadline_s if waited_for is None else patience.share_s
    try:
        for piece in answer.value.head:
            yield piece
        while True:
            try:
                async with asyncio.timeout(deadline_s):
                    piece = await anext(answer.value.rest)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise ProviderTimeout(name, deadline_s) from None
            yield piece
    except ProviderError as error:
        answer.broke_off(error)
        raise
    except BaseException:  # not wanted any more; it had begun well
        answer.succeeded()
        raise
    else:
        answer.succeeded()
    finally:
        await _close(answer.value.rest)


async def _close(stream: AsyncIterator[Item]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()
