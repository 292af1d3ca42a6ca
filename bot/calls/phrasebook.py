"""What a persona says by itself, rendered before the first call and kept on disk.

Greeting, reprompts, fillers and apologies must come at once, also when every provider is down and
the bot was started anew meanwhile. Scripted answers come from here too.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

import numpy as np
import structlog

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import to_bus
from bot.calls.prompt import voice_of
from bot.engine.sentences import ClauseCutter
from bot.engine.speakable import spoken
from bot.errors import ProviderError
from bot.persona import Persona
from bot.providers.base import TextToSpeech, Voice
from bot.providers.fallback import speaker
from bot.providers.trail import watching

LOOK_S = 0.05  # how often a worker looks whether another one is done
CACHE = "cache"  # in the record, where a phrase was ready and no voice was asked
log = structlog.get_logger(__name__)


def first_phrases(persona: Persona) -> list[str]:
    """What the first caller may hear at once, or when something fails.

    The greeting comes last: by then the voice's level is known from the others.
    """
    fixed = persona.phrases
    last = [fixed.handover] if persona.tools.on_trouble else []
    trouble = [fixed.repeat, fixed.trouble, fixed.apology, *last]
    return [fixed.fillers[0], *trouble, persona.greeting]


def later_phrases(persona: Persona) -> list[str]:
    """The other texts the persona says without a model."""
    fixed, idle = persona.phrases, persona.idle
    parting = [fixed.goodbye, fixed.closing, fixed.back]
    return [*fixed.fillers[1:], *parting, *idle.reprompts, idle.goodbye, *_of_tools(persona)]


def _of_tools(persona: Persona) -> list[str]:
    fixed, use = persona.phrases, list[str](persona.tools.use)
    if persona.tools.handoff is not None and "transfer" not in use:
        use.append("transfer")
    said = {
        "transfer": [fixed.transfer, fixed.no_transfer],
        "send_digits": [fixed.done],
        "take_message": [fixed.noted],
    }
    return [text for name in use for text in said.get(name, [])]


def scripted_phrases(persona: Persona) -> list[str]:
    """What it says when no model but the script answers, in the clauses it is spoken in."""
    texts = [answer.say for answer in persona.answers]
    texts += [text for each in persona.questions for text in (each.ask, each.hint)]
    return [clause for text in texts for clause in _clauses(text, persona.language)]


def _clauses(text: str, language: str) -> list[str]:
    cutter = ClauseCutter(language)
    return [clause.written for clause in (*cutter.feed(text), *cutter.end())]


class Phrasebook:
    """Rendered phrases at BUS_HZ, by voice and text. `folder` holds them as raw int16 files.

    A phrase that another than the persona's first voice had to speak serves until the next
    rendering and is then tried again, so that a bad hour is not heard for ever.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready: dict[str, Samples] = {}
        self._stand_ins: set[str] = set()  # keys
        self._voices: set[str] = set()  # that were asked first, by name
        self._on_disk: dict[str, Path] = {}  # ready, and read when they are wanted

    def get(self, voice: Voice, text: str) -> Samples | None:
        key = _key(voice, text)
        if (file := self._on_disk.get(key)) is not None:
            return _read(file)
        if (ready := self._ready.get(key)) is not None:
            return ready
        return self._of_another_worker(key)

    def of(self, persona: Persona, text: str) -> Samples | None:
        """A text as its author wrote it, in the persona's voice."""
        return self.get(voice_of(persona), spoken(text, persona.language))

    def _of_another_worker(self, key: str) -> Samples | None:
        """What one of our first voices has said meanwhile, in a worker that was quicker."""
        for by in self._voices:
            file = self._file(by, key)
            if (samples := _read(file)) is not None:
                self._on_disk[key] = file
                return samples
        return None

    async def render(
        self, persona: Persona, texts: Iterable[str], tts: TextToSpeech, *, in_memory: bool = True
    ) -> None:
        """Make ready what is missing; a phrase that cannot be spoken is logged and left out.

        Without `in_memory` it is read from disk each time: for texts that are many, and none of
        which a call depends on.
        """
        self._voices.add(speaker(tts))
        async with self._alone():
            for text in texts:
                await self._render_one(persona, text, tts, in_memory)

    async def _render_one(
        self, persona: Persona, text: str, tts: TextToSpeech, in_memory: bool
    ) -> None:
        voice, words = voice_of(persona), spoken(text, persona.language)
        held = _key(voice, words) in self._ready
        try:
            await self._make_ready(voice, words, tts)
        except ProviderError as error:
            log.warning("phrase not rendered", persona=persona.slug, error=str(error))
        if not in_memory and not held:
            self._leave_on_disk(_key(voice, words), speaker(tts))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One worker at a time: the next one finds on disk what this one renders."""
        with self._lock() as lock:
            while lock is not None and not _locked(lock):
                await asyncio.sleep(LOOK_S)
            yield

    @contextmanager
    def _lock(self) -> Iterator[IO[str] | None]:
        """None where no file can be written; then nothing is kept either, which is told there."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = self._folder.with_suffix(".lock").open("w")
        except OSError:
            yield None
            return
        with lock:
            yield lock

    def _leave_on_disk(self, key: str, by: str) -> None:
        """Also where it could not be kept: then it is spoken each time, as if it were not here."""
        if self._ready.pop(key, None) is not None and key not in self._stand_ins:
            self._on_disk[key] = self._file(by, key)
        self._stand_ins.discard(key)

    async def _make_ready(self, voice: Voice, text: str, tts: TextToSpeech) -> None:
        key, wanted = _key(voice, text), speaker(tts)
        if key in self._on_disk or (key in self._ready and key not in self._stand_ins):
            return
        samples, by = _read(self._file(wanted, key)), wanted
        if samples is None:
            try:
                with watching() as trail:
                    samples = await speak_whole(tts, text, voice)
                by = speaker(tts, trail.answered)
                if trail.turns > 1:  # in two voices: better than none, and not for ever
                    by = ""
                else:
                    self._keep(self._file(by, key), samples)
            except ProviderError:
                samples, by = self._kept_by_anyone(key), ""
                if samples is None:
                    raise
        self._ready[key] = samples
        if by == wanted:
            self._stand_ins.discard(key)
        else:
            self._stand_ins.add(key)

    def _file(self, by: str, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(by.encode()).hexdigest()[:8]}-{key}.s16"

    def _kept_by_anyone(self, key: str) -> Samples | None:
        """What any voice left of this phrase in an earlier life; None when there is nothing."""
        found = (_read(file) for file in sorted(self._folder.glob(f"*-{key}.s16")))
        return next((samples for samples in found if samples is not None), None)

    def _keep(self, file: Path, samples: Samples) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_bytes(samples.tobytes())
            part.replace(file)
        except OSError as error:  # the next start renders it again
            log.warning("phrase not kept", why=error.strerror)


async def speak_whole(tts: TextToSpeech, text: str, voice: Voice) -> Samples:
    """All of a text's speech at BUS_HZ. Raises ProviderError."""
    convert = to_bus(tts.rate)
    chunks = [convert(chunk) async for chunk in tts.speak(text, voice=voice)]
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


def _locked(file: IO[str]) -> bool:
    """Is it ours now? Closing the file gives it back, and so does dying."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: Path) -> Samples | None:
    try:
        return np.frombuffer(file.read_bytes(), np.int16)
    except (OSError, ValueError):  # not there, or half a sample: it is rendered again
        return None


def _key(voice: Voice, text: str) -> str:
    told = "\0".join([*(str(value) for value in asdict(voice).values()), text, str(BUS_HZ)])
    return hashlib.sha256(told.encode()).hexdigest()[:32]
