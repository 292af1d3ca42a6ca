"""What the world tells the engine. Small, frozen, and each result carries the turn it is for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.audio.frame import Samples


class Purpose(StrEnum):
    """What a transcription is for."""

    TURN = "turn"  # the one of a finished turn
    PAUSE = "pause"  # of what was said before a pause; becomes the turn's if the caller is done
    BARGE_IN = "barge_in"  # the quick check of what was said over the bot so far


@dataclass(frozen=True, slots=True)
class DigitPressed:
    digit: str  # one of 0-9 * # A-D


@dataclass(frozen=True, slots=True)
class HoldChanged:
    on: bool  # True: the caller put us on hold


@dataclass(frozen=True, slots=True)
class CodecChanged:
    """The line's codec was agreed or replaced."""

    codec: str  # "PCMU", "PCMA", "G722", "opus"
    codec_hz: int  # sample rate of its audio


@dataclass(frozen=True, slots=True)
class Transcribed:
    turn: int
    utterance_id: str
    purpose: Purpose
    text: str  # "" when the provider heard no words


@dataclass(frozen=True, slots=True)
class TranscriptionFailed:
    turn: int
    utterance_id: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class ModelText:
    turn: int
    text: str  # the next piece of the reply, as streamed


@dataclass(frozen=True, slots=True)
class ModelDone:
    turn: int


@dataclass(frozen=True, slots=True)
class ModelFailed:
    turn: int


class Control(StrEnum):
    """What a model may want to be done to the call."""

    HANG_UP = "hang_up"
    TRANSFER = "transfer"
    SEND_DIGITS = "send_digits"


@dataclass(frozen=True, slots=True)
class ControlAsked:
    """The model asks for it in this reply: it is done once the reply was heard."""

    turn: int
    control: Control
    value: str = ""  # the URI to transfer to, the digits to send
    name: str = ""  # what the persona calls the target


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """The party asked for did not take the caller, who is still with us."""

    turn: int


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """Something was done or looked up: a fact of the conversation, whatever became of the turn."""

    asked_in: int  # that turn
    name: str
    arguments: str  # JSON
    result: str  # what the model was told


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    turn: int
    clause: int  # which Speak action of that turn this belongs to
    samples: Samples  # at BUS_HZ


@dataclass(frozen=True, slots=True)
class SpeechDone:
    turn: int
    clause: int


@dataclass(frozen=True, slots=True)
class SpeechFailed:
    turn: int
    clause: int


@dataclass(frozen=True, slots=True)
class EndRequested:
    """An operator or a shutdown wants the call to end politely."""

    reason: str


Input: TypeAlias = (
    DigitPressed
    | HoldChanged
    | CodecChanged
    | Transcribed
    | TranscriptionFailed
    | ModelText
    | ModelDone
    | ModelFailed
    | ControlAsked
    | TransferFailed
    | ToolUsed
    | SpeechAudio
    | SpeechDone
    | SpeechFailed
    | EndRequested
)
