"""A call's tape: all the engine was told, in order, and proof of what it answered.

`TapedEngine` stands in the engine's place and notes each call of its entry points before it is
carried out. What comes out is noted too: actions in full but for their audio, frames as part of a
digest that runs through the whole call. `read_tape` gives it all back.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from bot import __version__
from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Frame, Samples
from bot.calls.tape_values import decode, encode, encode_settings
from bot.engine.actions import Action
from bot.engine.engine import EngineSettings, Glimpse
from bot.engine.inputs import Input, SpeechAudio
from bot.errors import StoreError
from bot.store import lossless
from bot.store.tape import Tape, read_blocks

EntryPoint = Literal["step", "handle", "revise", "finish"]
DIGEST_BYTES = 8
MAX_BYTES_PER_S = 2 * BUS_HZ * 2  # caller and voice, as if nothing could be compressed
_LENGTH = struct.Struct("<I")


class Engine(Protocol):
    """The entry points of a CallEngine."""

    def step(
        self, frame: Frame, inputs: Sequence[Input], now: float
    ) -> tuple[Frame, list[Action]]: ...

    def handle(self, inputs: Sequence[Input], now: float) -> list[Action]: ...

    @property
    def can_revise(self) -> bool: ...

    def revise(self, now: float) -> tuple[Frame, list[Action]]: ...

    def glimpse(self) -> Glimpse: ...

    def finish(self, now: float) -> list[Action]: ...


@dataclass(slots=True)
class Told:
    """One call of an entry point, being recorded."""

    entry_point: EntryPoint
    now: float
    inputs: tuple[Input, ...] = ()
    frame: Frame | None = None  # step only
    out: Frame | None = None  # step and revise only
    actions: list[Action] | None = None  # None: the engine raised an error


class TapedEngine:
    """An engine all of whose inputs go to a tape. `finish` closes it."""

    def __init__(self, engine: Engine, tape: Tape[Told]) -> None:
        self._engine, self._tape = engine, tape

    def step(self, frame: Frame, inputs: Sequence[Input], now: float) -> tuple[Frame, list[Action]]:
        told = self._note(Told("step", now, tuple(inputs), frame))
        told.out, told.actions = self._engine.step(frame, inputs, now)
        return told.out, told.actions

    def handle(self, inputs: Sequence[Input], now: float) -> list[Action]:
        told = self._note(Told("handle", now, tuple(inputs)))
        told.actions = self._engine.handle(inputs, now)
        return told.actions

    @property
    def can_revise(self) -> bool:
        return self._engine.can_revise

    def revise(self, now: float) -> tuple[Frame, list[Action]]:
        told = self._note(Told("revise", now))
        told.out, told.actions = self._engine.revise(now)
        return told.out, told.actions

    def glimpse(self) -> Glimpse:
        return self._engine.glimpse()

    def finish(self, now: float) -> list[Action]:
        told = self._note(Told("finish", now))
        try:
            told.actions = self._engine.finish(now)
        finally:
            self._tape.close()
        return told.actions

    def _note(self, told: Told) -> Told:
        samples = 0 if told.frame is None else len(told.frame)
        for each in told.inputs:
            if isinstance(each, SpeechAudio):
                samples += len(each.samples)
        self._tape.add(told, samples)
        return told


def make_tape(path: Path, settings: EngineSettings, vad: str) -> Tape[Told]:
    """A tape for an engine with these settings. `vad` names the choice of speech detector."""
    head = {"bot": __version__, "vad": vad, "settings": encode_settings(settings)}
    return Tape(
        path, _compressed(head), Packer().pack, round(settings.max_call_s * MAX_BYTES_PER_S)
    )


class Proof:
    """A digest over all an engine gave out so far."""

    def __init__(self) -> None:
        self._so_far = b""

    def add(self, out: Frame | None, actions: Any) -> bytes:
        """Take in the outputs of one call of an entry point, actions as JSON; the digest now."""
        digest = hashlib.blake2b(self._so_far, digest_size=DIGEST_BYTES)
        digest.update(b"" if out is None else out.tobytes())
        digest.update(json.dumps(actions).encode())
        self._so_far = digest.digest()
        return self._so_far


def prove_samples(samples: Samples) -> dict[str, Any]:
    """What a tape keeps of an action's audio: a digest of it, and one of each 20 ms.

    The caller's frames are on the tape, so the short ones tell which of them it is made of.
    """
    pieces = range(0, len(samples), FRAME_SAMPLES)
    return {
        "samples": len(samples),
        "digest": hashlib.blake2b(samples.tobytes(), digest_size=DIGEST_BYTES).hexdigest(),
        "prints": [print_of(samples[at : at + FRAME_SAMPLES]) for at in pieces],
    }


def print_of(samples: Samples) -> int:
    return zlib.crc32(samples.tobytes())


class Packer:
    """Makes payloads of what was told; a phrase that is said again is kept once."""

    def __init__(self) -> None:
        self._proof = Proof()
        self._numbers: dict[bytes, int] = {}  # of the voices kept so far, by digest

    def pack(self, items: list[Told]) -> bytes:
        digests: list[bytes] = []
        voices: list[bytes] = []
        entries = [self._entry(each, digests, voices) for each in items]
        frames = [each.frame for each in items if each.frame is not None]
        caller = np.concatenate(frames) if frames else np.zeros(0, np.int16)
        return _joined([_compressed(entries), b"".join(digests), lossless.pack(caller), *voices])

    def _entry(self, told: Told, digests: list[bytes], voices: list[bytes]) -> list[Any]:
        def keep(samples: Samples) -> int:
            data = samples.tobytes()
            key = hashlib.blake2b(data, digest_size=16).digest()
            if key not in self._numbers:
                self._numbers[key] = len(self._numbers)
                voices.append(lossless.pack(samples))
            return self._numbers[key]

        actions = None
        if told.actions is not None:
            actions = [encode(each, prove_samples) for each in told.actions]
        digests.append(self._proof.add(told.out, actions))
        inputs = [encode(each, keep) for each in told.inputs]
        return [told.entry_point, told.now, inputs, actions]


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of an entry point, read back."""

    entry_point: EntryPoint
    now: float
    inputs: tuple[Input, ...]
    frame: Frame | None
    actions: list[dict[str, Any]] | None  # as JSON; None: the engine raised an error
    digest: bytes  # of all that was given out up to here


@dataclass(frozen=True, slots=True)
class Recorded:
    """A tape that was read."""

    path: Path
    bot: str  # the version that recorded it
    vad: str
    settings: Mapping[str, Any]  # see decode_settings
    entries: list[Entry]

    @property
    def complete(self) -> bool:
        """Does it hold the call's end? One that was killed does not."""
        return bool(self.entries) and self.entries[-1].entry_point == "finish"


def read_tape(path: Path) -> Recorded:
    """All that is on a tape. Raises StoreError, see `read_blocks`."""
    blocks = read_blocks(path)
    head = next(blocks, None)
    if head is None:
        raise StoreError(f"{path}: holds nothing; the bot was killed as the call began.")
    told = json.loads(zlib.decompress(head))
    voices: list[Samples] = []
    entries = [entry for block in blocks for entry in _entries(block, voices)]
    return Recorded(path, told["bot"], told["vad"], told["settings"], entries)


def _entries(block: bytes, voices: list[Samples]) -> Iterator[Entry]:
    told, digests, caller, *new_voices = _parts(block)
    voices += [lossless.unpack(each) for each in new_voices]
    frames = iter(lossless.unpack(caller).reshape(-1, FRAME_SAMPLES))
    for number, (entry_point, now, inputs, actions) in enumerate(json.loads(zlib.decompress(told))):
        yield Entry(
            entry_point,
            now,
            tuple(decode(each, voices.__getitem__) for each in inputs),
            next(frames) if entry_point == "step" else None,
            actions,
            digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES],
        )


def _compressed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value).encode())


def _joined(parts: Sequence[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def _parts(payload: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(payload):
        (length,) = _LENGTH.unpack_from(payload, at)
        at += _LENGTH.size
        parts.append(payload[at : at + length])
        at += length
    return parts
