"""Brings every voice to one loudness, so that a stand-in is as loud as the voice it stands in for.

The gain belongs to the voice, not to the clause: a short "Yes." stays as much softer or louder
than a sentence as the voice speaks it. What is known of a voice decides the gain a clause begins
with; within a clause it only creeps. Of a voice never heard before the first LOOK_S of speech
decide, and nothing is handed out until then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.audio.active_level import BLOCK_S, Envelope, VoiceLevel
from bot.audio.frame import FULL_SCALE, Samples

TARGET_DB = -19.0  # dBFS, active level of ITU-T P.56
LOOK_S = 0.8
ENOUGH_S = LOOK_S - BLOCK_S / 2  # whole blocks add up to LOOK_S, give or take a rounding
BEGINS_LOUDER_DB = 1.3  # the first LOOK_S of a clause over its voice: Piper 1.9 dB, espeak-ng 0.7
CREEP_DB_PER_S = 3.0  # not heard as a change of level
MOST_DB = 30.0  # of gain, either way: what is softer still is no voice
KNEE, CEILING = 0.708, 0.944  # −3 and −0.5 dBFS


def guarded(sound: NDArray[np.float32]) -> Samples:
    """Full scale 1 to int16: peaks over KNEE are bent so that none passes CEILING.

    No memory, so nothing pumps and no chunk depends on another.
    """
    magnitude = np.abs(sound)
    if len(sound) and float(magnitude.max()) > KNEE:
        room = CEILING - KNEE
        bent = KNEE + room * np.tanh((magnitude - KNEE) / room)
        sound = np.where(magnitude > KNEE, np.copysign(bent, sound), sound)
    return np.asarray(np.rint(sound * FULL_SCALE), np.int16)


class Leveller:
    """Levels one clause; what `voice` knows goes on to the next. Chunk sizes make no difference."""

    def __init__(self, voice: VoiceLevel, rate_hz: int, target_db: float = TARGET_DB) -> None:
        self._voice, self._target_db = voice, target_db
        self._block = round(rate_hz * BLOCK_S)
        self._envelope = Envelope()
        self._filled, self._energy, self._magnitude = 0, 0.0, 0.0  # of the block that is coming in
        self._held: list[NDArray[np.float32]] = []
        level_db, known_s = voice.measure()
        self._undecided = known_s < ENOUGH_S
        self._gain_db = self._next_db = self._wanted(level_db)

    def feed(self, samples: Samples) -> Samples:
        """The next chunk, shape (n,); as much comes back, or nothing while the level is unknown."""
        sound = samples.astype(np.float32) / np.float32(FULL_SCALE)
        done, at = [], 0
        while at < len(sound):
            piece = sound[at : at + self._block - self._filled]
            at += len(piece)
            if self._undecided:
                self._held.append(piece)
            else:
                done.append(piece * self._ramp(len(piece)))
            self._count(piece)
            if self._filled == self._block:
                self._end_block()
                if not self._undecided and self._held:
                    done += self._release()
        return guarded(np.concatenate(done)) if done else np.zeros(0, np.int16)

    def end(self) -> Samples:
        """What was held back of a clause too short to tell; its own level must do."""
        if not self._held:
            return np.zeros(0, np.int16)
        self._gain_db = self._next_db = self._wanted(self._voice.measure()[0])
        return guarded(np.concatenate(self._release()))

    def _release(self) -> list[NDArray[np.float32]]:
        gain = np.float32(10 ** (self._gain_db / 20))
        held, self._held = self._held, []
        return [piece * gain for piece in held]

    def _ramp(self, count: int) -> NDArray[np.float32]:
        """The gain of the next `count` samples, on the way from one block's to the next's."""
        begin, end = (10 ** (db / 20) for db in (self._gain_db, self._next_db))
        at = np.arange(self._filled + 1, self._filled + count + 1, dtype=np.float32)
        return np.asarray(begin + (end - begin) * at / self._block, np.float32)

    def _count(self, piece: NDArray[np.float32]) -> None:
        self._filled += len(piece)
        self._energy += float(np.dot(piece, piece))
        self._magnitude += float(np.abs(piece).sum())

    def _end_block(self) -> None:
        active = self._envelope.step(self._magnitude / self._block)
        self._voice.add(self._energy / self._block, active)
        self._filled, self._energy, self._magnitude = 0, 0.0, 0.0
        level_db, known_s = self._voice.measure()
        if self._undecided:
            self._undecided = known_s < ENOUGH_S
            self._gain_db = self._next_db = self._wanted(level_db - BEGINS_LOUDER_DB)
            return
        most = CREEP_DB_PER_S * BLOCK_S
        self._gain_db = self._next_db
        self._next_db += float(np.clip(self._wanted(level_db) - self._gain_db, -most, most))

    def _wanted(self, level_db: float) -> float:
        return float(np.clip(self._target_db - level_db, -MOST_DB, MOST_DB))
