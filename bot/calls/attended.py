"""A transfer with an announcement: the person is rung up first, hears in a sentence or two what it
is about, and then gets the caller.

By REFER with Replaces (RFC 3891) where the caller's exchange follows it, so that the bot is out of
the way; else the two lines are joined here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import structlog

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, Frame, Samples, silence
from bot.calls.phrasebook import speak_whole
from bot.calls.prompt import CallFacts, voice_of
from bot.engine.speakable import spoken
from bot.errors import LegError, ProviderError
from bot.legs.base import Digit, Leg
from bot.persona import Persona
from bot.providers.base import TextToSpeech
from bot.tool_settings import PLACEHOLDER

RING_S = 20.0
RENDER_S = 8.0  # after the answer; then the caller comes unannounced
EAR_S = 0.4  # from the answer to the ear
MOST_S = 15.0  # of an announcement
THINK_S = 12.0  # after it, for the key that takes the caller
REFER_S = 8.0  # all wait in silence meanwhile
LAST_TURNS = 2  # of the caller's, told to the person
MOST_WORDS = 40
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
NUMBER = re.compile(r"\+?[0-9A-Za-z._-]{1,40}")

log = structlog.get_logger(__name__)


class Dialled(Leg, Protocol):
    """A leg that we called."""

    async def answered(self, timeout: float = 60.0) -> None: ...


class Dials(Protocol):
    """What a telephone endpoint has for it."""

    async def dial(self, uri: str, *, caller: str = "bot") -> Dialled: ...


@runtime_checkable
class Joins(Protocol):
    """A leg whose far side can be asked to talk to another leg's."""

    async def transfer_to(self, other: Leg, within_s: float) -> None: ...


class Attended:
    """Of one call."""

    def __init__(
        self, leg: Leg, dials: Dials, persona: Persona, facts: CallFacts, tts: TextToSpeech
    ) -> None:
        self._leg, self._dials, self._persona = leg, dials, persona
        self._facts, self._tts = facts, tts
        self._said: dict[int, str] = {}

    def caller_said(self, turn: int, text: str) -> None:
        self._said[turn] = text

    async def hand_over(self, target: str) -> Leg | None:
        """None: the caller has been taken. A leg: it is up, and has to be joined with the caller's.

        Raises LegError when nobody answers `target`, or who did hung up or declined.
        """
        caller = self._facts.called
        agent = await self._dials.dial(target, caller=caller if NUMBER.fullmatch(caller) else "bot")
        rendering = asyncio.ensure_future(self._render())
        joined = False
        try:
            await agent.answered(RING_S)
            await self._whisper(agent, rendering)
            joined = await self._join_here(agent)
            return agent if joined else None
        finally:
            rendering.cancel()
            await asyncio.gather(rendering, return_exceptions=True)
            if not joined:
                await agent.hang_up()

    async def _join_here(self, agent: Leg) -> bool:
        """Does the caller's side leave it to us?"""
        if not isinstance(self._leg, Joins):
            return True
        try:
            await self._leg.transfer_to(agent, REFER_S)
        except LegError:
            if agent.ended is not None:
                raise
            return True
        return False

    async def _render(self) -> Samples:
        said = [text for _, text in sorted(self._said.items())][-LAST_TURNS:]
        values = {
            "persona": self._persona.name,
            "called": " ".join(self._facts.called),
            "caller": " ".join(self._facts.caller),
            "name": self._facts.caller_name,
            "words": " ".join(" ".join(said).split()[-MOST_WORDS:]),
        }
        text = spoken(filled(self._persona.tools.whisper, values), self._persona.language)
        if not text:
            return np.zeros(0, np.int16)
        return await speak_whole(self._tts, text, voice_of(self._persona))

    async def _whisper(self, agent: Leg, rendering: asyncio.Future[Samples]) -> None:
        """Raises LegError when the person hangs up into it or does not want the caller."""
        key, left_s = self._persona.tools.accept_key, THINK_S
        frames: Iterator[Frame] | None = None
        late_s = 0.0
        async for _ in agent.frames():  # from the first on: those kept waiting come in a burst
            if frames is None and (rendering.done() or late_s >= RENDER_S):
                frames = announced(rendering)
            late_s += FRAME_S
            frame = next(frames, None) if frames is not None else silence()
            agent.write(silence() if frame is None else frame)
            if key and (pressed := [e.digit for e in agent.events() if isinstance(e, Digit)]):
                if pressed[0] != key:
                    raise LegError("the person declined")
                return
            if frame is None:
                left_s -= FRAME_S
                if not key:
                    return
            if left_s <= 0:
                raise LegError("the person pressed no key")
        raise LegError("the person hung up")


def announced(rendering: asyncio.Future[Samples]) -> Iterator[Frame]:
    """The announcement; nothing but a pause when it is not there, or cannot be spoken."""
    samples = np.zeros(0, np.int16)
    try:
        samples = rendering.result()
    except (ProviderError, asyncio.InvalidStateError) as error:
        log.warning("nothing is whispered", kind=type(error).__name__)
    pause = np.zeros(round(EAR_S / FRAME_S) * FRAME_SAMPLES, np.int16)
    whole = np.concatenate([pause, samples, np.zeros(-len(samples) % FRAME_SAMPLES, np.int16)])
    return iter(whole.reshape(-1, FRAME_SAMPLES)[: round(MOST_S / FRAME_S)])


def filled(template: str, values: Mapping[str, str]) -> str:
    """Its sentences, without those that tell what is not known."""
    sentences = [
        PLACEHOLDER.sub(lambda found: values.get(found[1], ""), sentence)
        for sentence in SENTENCE_END.split(template)
        if all(values.get(name) for name in PLACEHOLDER.findall(sentence))
    ]
    return " ".join(sentences)
