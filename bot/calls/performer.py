"""Performs the engine's actions with real providers and tells it the results.

Whatever goes wrong becomes a Failed input, so that the engine always hears back, once. Who is asked
in what order and for how long is the chains' matter (`providers/fallback.py`); the deadline here
only catches a provider that forgets its own. Durations are measured around the providers alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import resample_clip, slices, to_bus
from bot.calls.phrasebook import CACHE, Phrasebook
from bot.calls.prompt import CallFacts, messages, voice_of
from bot.calls.reply import written
from bot.calls.toolbox import Toolbox, nobody_listens
from bot.engine.actions import AskModel, Speak, Transcribe
from bot.engine.inputs import (
    Input,
    ModelDone,
    ModelFailed,
    ModelText,
    Purpose,
    SpeechAudio,
    SpeechDone,
    SpeechFailed,
    Transcribed,
    TranscriptionFailed,
)
from bot.errors import ProviderError, ProviderTimeout
from bot.persona import Persona
from bot.providers.names import Kind
from bot.providers.registry import Providers
from bot.providers.trail import Trail, watching

log = structlog.get_logger(__name__)
T = TypeVar("T")

Tell = Callable[[Input], None]
Prepare = Callable[[Transcribe, int], Samples]  # the audio at a rate in Hz; runs in a thread
Took = Callable[[int, Kind, str, float], None]  # turn, kind, provider name, seconds
Failed = Callable[[int, ProviderError], None]
Detour = Callable[[int, Kind, Trail], None]  # somebody did not answer; maybe another did


def resampled(action: Transcribe, rate_hz: int) -> Samples:
    """The audio as it came."""
    return resample_clip(action.samples, BUS_HZ, rate_hz)


@dataclass(slots=True)
class _Request:
    """Something the engine asked for: how it went, and what the engine hears in the end."""

    trail: Trail
    end: Input

    def by(self, asked_first: str) -> str:
        """Who answered."""
        return self.trail.answered or asked_first


class Performer:
    """The provider work of one call. `tell` and `took` are called in the event loop's thread."""

    def __init__(
        self,
        persona: Persona,
        providers: Providers,
        phrases: Phrasebook,
        deadline_s: float,
        *,
        tell: Tell,
        took: Took,
        failed: Failed,
        detour: Detour,
        toolbox: Toolbox,
        facts: CallFacts | None = None,
        prepare: Prepare = resampled,
    ) -> None:
        self._facts, self._toolbox = facts or CallFacts(), toolbox
        self._persona, self._providers, self._phrases = persona, providers, phrases
        self._voice = voice_of(persona)
        self._deadline_s = deadline_s
        self._tell, self._took, self._failed, self._detour = tell, took, failed, detour
        self._prepare = prepare
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._voices: dict[int, asyncio.Queue[Speak]] = {}

    # ---- called by the session

    def transcribe(self, action: Transcribe) -> None:
        self._start(action.turn, self._transcribe(action))

    def ask(self, action: AskModel) -> None:
        self._start(action.turn, self._ask(action))

    def speak(self, action: Speak) -> None:
        """A phrase that is ready comes at once; others in order, one at a time per turn."""
        ready = self._phrases.get(self._voice, action.text)
        if ready is not None:
            if action.turn not in self._voices:  # else the voice of this turn is told
                self._took(action.turn, "tts", CACHE, 0.0)
            loop = asyncio.get_running_loop()
            loop.call_soon(self._tell, SpeechAudio(action.turn, action.clause, ready))
            loop.call_soon(self._tell, SpeechDone(action.turn, action.clause))
            return
        if action.turn not in self._voices:
            self.cancel(action.turn - 1)  # older voices have nothing left to say
            self._voices[action.turn] = asyncio.Queue()
            self._start(action.turn, self._speak_all(self._voices[action.turn]))
        self._voices[action.turn].put_nowait(action)

    def cancel(self, turn: int) -> None:
        """Stop all work of this turn and of those before it."""
        for task, its_turn in self._tasks.items():
            if its_turn <= turn:
                task.cancel()
        for old in [each for each in self._voices if each <= turn]:
            del self._voices[old]

    async def close(self) -> None:
        """Stop everything and wait until it has stopped."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._toolbox.close()
        # the session holds us: without this only the garbage collector could free a call
        self._tell = self._took = self._failed = self._detour = nobody_listens

    # ---- the work itself

    async def _transcribe(self, action: Transcribe) -> None:
        turn, utterance_id, purpose = action.turn, action.utterance_id, action.purpose
        stt = self._providers.stt
        with self._request(
            turn, "stt", TranscriptionFailed(turn, utterance_id, purpose)
        ) as request:
            pcm = await asyncio.to_thread(self._prepare, action, stt.rate)
            began = time.perf_counter()
            urgent = purpose is Purpose.BARGE_IN
            answer = stt.transcribe(
                pcm, language=self._persona.language, urgent=urgent, expect=action.expect
            )
            transcript = await self._in_time(stt.name, answer)
            if not urgent:  # a pause's may become the turn's
                self._took(turn, "stt", request.by(stt.name), time.perf_counter() - began)
            request.end = Transcribed(turn, utterance_id, purpose, transcript.text)

    async def _ask(self, action: AskModel) -> None:
        llm, turn = self._providers.llm, action.turn
        talk = messages(self._persona, action.history, self._facts)
        began, first = time.perf_counter(), True
        with self._request(turn, "llm", ModelFailed(turn)) as request:
            in_time = partial(self._each_in_time, llm.name)
            async with aclosing(written(llm, talk, self._toolbox, turn, in_time)) as pieces:
                async for piece in pieces:
                    if first:
                        self._took(turn, "llm", request.by(llm.name), time.perf_counter() - began)
                        first = False
                    if piece:
                        self._tell(ModelText(turn, piece))
            request.end = ModelDone(turn)

    async def _speak_all(self, clauses: asyncio.Queue[Speak]) -> None:
        first = True
        while True:
            action = await clauses.get()
            await self._speak(action, first)
            first = False

    async def _speak(self, action: Speak, first: bool) -> None:
        tts, turn, clause = self._providers.tts, action.turn, action.clause
        convert = to_bus(tts.rate)
        began = time.perf_counter()
        with self._request(turn, "tts", SpeechFailed(turn, clause)) as request:
            chunks = tts.speak(action.text, voice=self._voice)
            async for chunk in self._each_in_time(tts.name, chunks):
                if first:
                    self._took(turn, "tts", request.by(tts.name), time.perf_counter() - began)
                    first = False
                for piece in slices(chunk, tts.rate):
                    self._tell(SpeechAudio(turn, clause, convert(piece)))
                    await asyncio.sleep(0)  # other calls' frames come first
            request.end = SpeechDone(turn, clause)

    # ---- deadlines and bookkeeping

    @contextmanager
    def _request(self, turn: int, kind: Kind, failure: Input) -> Iterator[_Request]:
        """One end is told, the failure unless an answer came; none to a request that is cancelled.

        A bug in a provider is a failure too: the call goes on and says sorry.
        """
        with watching() as trail:
            request = _Request(trail, failure)
            try:
                yield request
            except ProviderError as error:
                self._failed(turn, error)
            except Exception:  # the outermost frame of this work: the next clause is still said
                log.exception("provider work crashed", turn=turn, what=kind)
        if trail.misses:
            self._detour(turn, kind, trail)
        self._tell(request.end)

    async def _in_time(self, name: str, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await answer
        except TimeoutError:
            raise ProviderTimeout(name, self._deadline_s) from None

    async def _each_in_time(self, name: str, pieces: AsyncIterator[T]) -> AsyncIterator[T]:
        """Each piece within the deadline: a stream that stalls in the middle has failed too."""
        while True:
            try:
                piece = await self._in_time(name, anext(pieces))
            except StopAsyncIteration:
                return
            yield piece

    def _start(self, turn: int, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = turn
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        turn = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # a bug of ours, outside of what providers do: the call goes on and says sorry
            log.error("work for the engine crashed", turn=turn, exc_info=error)
            self._tell(ModelFailed(turn))
