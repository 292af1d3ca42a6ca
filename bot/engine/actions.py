"""What the engine asks of the world. A driver performs them; the engine never waits.

Notes at the end are facts for the call record: nothing has to be done about them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

import numpy as np

from bot.audio.frame import Samples
from bot.audio.metrics import Quality
from bot.engine.inputs import Purpose


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history, holding only what was said, heard and done."""

    role: Literal["user", "assistant", "tool"]
    text: str  # of a tool: what it answered
    name: str = ""  # of a tool
    arguments: str = ""  # it was given: JSON


def _none() -> Samples:
    return np.zeros(0, np.int16)


@dataclass(frozen=True, slots=True)
class Transcribe:
    turn: int
    utterance_id: str
    purpose: Purpose
    samples: Samples  # at BUS_HZ, with pre-roll
    expect: str = ""  # what may well be said, to help the transcriber
    noise: Samples = field(default_factory=_none)  # of the line without voices, at BUS_HZ
    quality: Quality | None = None  # of the samples as they came


@dataclass(frozen=True, slots=True)
class AskModel:
    turn: int
    history: tuple[Line, ...]  # oldest first, the caller's new words last


@dataclass(frozen=True, slots=True)
class Speak:
    turn: int
    clause: int  # counts up within the turn; audio is played in this order
    text: str


@dataclass(frozen=True, slots=True)
class CancelWork:
    """Stop the model and the voice of this turn and of all before it."""

    turn: int


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Press keys on the caller's line."""

    turn: int
    digits: str  # of 0-9 * # A-D


@dataclass(frozen=True, slots=True)
class TransferCall:
    """Hand the caller over. The line ends when that works; else TransferFailed is told."""

    turn: int
    name: str  # whom the persona calls so: "sales"
    target: str  # SIP or tel URI


@dataclass(frozen=True, slots=True)
class HangUpCall:
    reason: str  # "goodbye", "no input", "max length", "shutdown", …


class Mark(StrEnum):
    """Points of a turn's latency ledger, in the order they are passed."""

    SPEECH_END = "speech_end"  # end of the caller's last speech frame
    TURN_END = "turn_end"  # the silence was long enough
    STT_DONE = "stt_done"
    LLM_FIRST = "llm_first"
    TTS_FIRST = "tts_first"
    FIRST_AUDIO_OUT = "first_audio_out"  # first frame of the reply left the engine


@dataclass(frozen=True, slots=True)
class NoteMark:
    turn: int
    mark: Mark
    at: float  # seconds of media time since the answer


@dataclass(frozen=True, slots=True)
class NoteState:
    """The conversation moved to another state."""

    turn: int
    state: str
    was: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class NoteCaller:
    """What the caller said in this turn (replaces an earlier note of the same turn)."""

    turn: int
    utterance_id: str
    text: str


@dataclass(frozen=True, slots=True)
class NoteBot:
    """What of the reply the caller heard (replaces an earlier note of the same turn)."""

    turn: int
    reply: str  # as written so far
    heard: str  # the prefix that was played before the end or the interruption
    interrupted: bool


@dataclass(frozen=True, slots=True)
class NoteDecision:
    """Something the engine decided about taking turns, for the audit of a call.

    `what`: "barge-in paused", "barge-in checked", "barge-in committed", "barge-in resumed",
    "turn ended" and the like; `why` says on what ground, without the caller's words.
    """

    turn: int
    what: str
    why: str
    at: float


Note: TypeAlias = NoteMark | NoteState | NoteCaller | NoteBot | NoteDecision
Action: TypeAlias = (
    Transcribe | AskModel | Speak | CancelWork | SendDigits | TransferCall | HangUpCall | Note
)
