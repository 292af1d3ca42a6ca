"""Is this frame speech? webrtcvad behind a level gate over a noise floor that is learnt.

webrtcvad alone lingers 60-100 ms after a word and takes babble for speech; the gate cuts both
short (FACTS: babble fools every detector, a level gate is needed on top).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import webrtcvad

from bot.audio.frame import BUS_HZ, FRAME_MS, Frame, level_db

FLOOR_MIN_DB = -70.0  # quieter lines are treated as if they had this much noise
FLOOR_MAX_DB = -32.0  # a floor above this would lock out a normal telephone voice
FIRST_FLOOR_DB = -60.0  # before anything is known
FIRST_FLOOR_MAX_DB = -38.0  # while little is known
GATE_MIN_DB = -50.0  # nothing below is speech: the far end of a quiet caller
ORDINARY_DB = -24.0  # speech is brought up to this before it is judged,
MAX_GAIN = 8.0  # by 18 dB at most
QUIET_FRAMES = 15  # 300 ms below the gate: the detector is asked again at the next loud frame
SMOOTH_FRAMES = 5  # levels are averaged over 100 ms before their minimum is taken
BLOCK_FRAMES = 25  # 0.5 s a block,
BLOCKS = 6  # the floor is the minimum of 3 s: longer than a breath group without a pause
SPREAD_FRAMES = 300  # the spread of the noise is that of its last 6 s,
LEAST_FRAMES = 25  # known after half a second,
LEARN_EVERY = 10  # and brought up to date five times a second
APART_FRAMES = 10  # frames so soon after speech may still be its tail
FIRST_SPREAD_DB = 8.0  # until then
SPREAD_MAX_DB = 12.0  # more was speech that nobody noticed
OVER_SPREAD_DB = 2.0  # over the loudest noise
GOES_ON_FRAMES = 10  # the longest consonant or stop in the middle of a word
GOES_ON_DB = 1.0  # over the loudest noise, while a word goes on


@dataclass(frozen=True, slots=True)
class Heard:
    """What the detector makes of one frame."""

    speech: bool
    level_db: float
    floor_db: float

    @property
    def snr_db(self) -> float:
        return self.level_db - self.floor_db


class NoiseFloor:
    """Minimum statistics (after Martin, 2001) on frame levels: robust to speech in between.

    Follows downwards at once. In the first three seconds, before a breath group has surely had a
    pause in it, it stays below FIRST_FLOOR_MAX_DB: a caller who speaks from the first moment on
    is not taken for noise.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=SMOOTH_FRAMES)
        self._blocks: deque[float] = deque(maxlen=BLOCKS)
        self._block_min_db = 0.0
        self._block_frames = 0
        self.db = FIRST_FLOOR_DB

    def learn(self, frame_db: float) -> float:
        """Take in one frame's level in dBFS; the floor now, in dBFS."""
        self._recent.append(max(frame_db, FLOOR_MIN_DB))
        if len(self._recent) < SMOOTH_FRAMES:
            return self.db
        self._block_min_db = min(self._block_min_db, sum(self._recent) / SMOOTH_FRAMES)
        lowest = min(self._block_min_db, *self._blocks) if self._blocks else self._block_min_db
        most = FLOOR_MAX_DB if len(self._blocks) == BLOCKS else FIRST_FLOOR_MAX_DB
        self.db = min(max(lowest, FLOOR_MIN_DB), most)
        self._block_frames += 1
        if self._block_frames == BLOCK_FRAMES:
            self._blocks.append(self._block_min_db)
            self._block_min_db, self._block_frames = 0.0, 0
        return self.db


class NoiseSpread:
    """How far the noise rises over its floor: 1 dB for a hiss, 10 dB for voices in a room.

    Learnt from frames without speech, a few words apart from any, of the last six seconds.
    """

    def __init__(self) -> None:
        self._over: deque[float] = deque(maxlen=SPREAD_FRAMES)
        self._since_speech = self._new = 0
        self.db = FIRST_SPREAD_DB

    def learn(self, over_db: float, speech: bool) -> None:
        """Take in one frame's level over the floor, and whether it was speech."""
        self._since_speech = 0 if speech else self._since_speech + 1
        if self._since_speech <= APART_FRAMES:
            return
        self._over.append(over_db)
        self._new += 1
        if self._new >= LEARN_EVERY and len(self._over) >= LEAST_FRAMES:
            self._new = 0
            self.db = min(sorted(self._over)[int(0.95 * len(self._over))], SPREAD_MAX_DB)


class VoiceActivity(Protocol):
    """Tells speech from other sounds; one instance a call, fed what is loud, and the gaps in it."""

    gate_db: float  # how far over the noise floor a frame must be to count at all

    def is_speech(self, frame: Frame) -> bool: ...


class WebRtcVad:
    """Google's detector; mode 0 lenient … 3 strict. Stateful, 2 µs a frame."""

    gate_db = 9.0

    def __init__(self, mode: int = 2) -> None:
        self._vad = webrtcvad.Vad(mode)

    def is_speech(self, frame: Frame) -> bool:
        return bool(self._vad.is_speech(frame.tobytes(), BUS_HZ))


class SpeechDetector:
    """A detector behind the level gate, one call a frame, about 10 µs with webrtcvad."""

    def __init__(self, vad: VoiceActivity | None = None) -> None:
        self._vad: VoiceActivity = vad or WebRtcVad()
        self._floor, self._spread = NoiseFloor(), NoiseSpread()
        self._quiet_frames = 0

    def hear(self, frame: Frame) -> Heard:
        level = level_db(frame)
        floor = self._floor.learn(level)
        over = max(self._vad.gate_db, self._spread.db + OVER_SPREAD_DB)
        loud = level > max(floor + over, GATE_MIN_DB)
        self._quiet_frames = 0 if loud else self._quiet_frames + 1
        if self._quiet_frames <= GOES_ON_FRAMES:  # in the middle of a word consonants are weak
            loud = level > max(floor + GOES_ON_DB + self._spread.db, GATE_MIN_DB)
        speech = False  # nothing to judge where it is quiet, and judging costs
        if self._quiet_frames <= QUIET_FRAMES:
            speech = self._vad.is_speech(_raised(frame, level)) and loud
        self._spread.learn(level - floor, speech)
        return Heard(speech, level, floor)


def _raised(frame: Frame, level: float) -> Frame:
    """A quiet caller brought to an ordinary level: webrtcvad has thresholds of its own."""
    if level >= ORDINARY_DB:
        return frame
    gain = min(10 ** ((ORDINARY_DB - level) / 20), MAX_GAIN)
    return (frame * np.float32(gain)).clip(-32768, 32767).astype(np.int16)


assert FRAME_MS in (10, 20, 30), "webrtcvad takes these frame lengths only"
