"""The three small protocols behind which every STT, language model and voice lives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from bot.audio.frame import Samples


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood of an utterance."""

    text: str  # trimmed; "" when nothing was said
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Tool:
    """Something a language model may ask for while it writes."""

    name: str
    about: str  # what it does, and when it is to be used
    parameters: Mapping[str, Any]  # JSON Schema of its arguments


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool."""

    call_id: str  # the server's; what came of it is told under this id
    name: str
    arguments: str  # as the model wrote them: JSON, if it did well


Piece: TypeAlias = str | ToolCall
NOTED = "noted"  # what a model is told of a message that was taken,
FAILED = "error: "  # and how it begins when a tool did not work


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the conversation as a language model sees it."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()  # the tools an assistant asked for in this line
    call_id: str = ""  # of a tool's answer: which call it answers


Setting: TypeAlias = Literal["speed", "pitch", "style"]


@dataclass(frozen=True, slots=True)
class Voice:
    """How a persona sounds; a provider uses what it has and ignores the rest.

    What it ignores of speed and pitch is done to its audio (`shaped`).
    """

    provider: str = ""  # registry name, "" for the configured default
    preset_id: str = ""  # speaker or voice name within the provider
    speed: float = 1.0  # 1.0 is the voice's own pace, 1.2 is a fifth faster
    pitch: float = 0.0  # semitones up (+) or down (−)
    style: str = ""  # in plain words, e.g. "cheerful"
    language: str = "en"


class SpeechToText(Protocol):
    """`name` is the registry name, `rate` the sample rate in Hz it wants its audio at."""

    name: str
    rate: int

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        """Transcribe a whole utterance at `rate` Hz; raises ProviderError.

        `urgent` marks the short barge-in check, which overtakes ordinary turns in a queue;
        `expect` is what may well be said, as it is written, for a model that takes a prompt.
        """

    async def close(self) -> None: ...


class LanguageModel(Protocol):
    """Writes the persona's side of the conversation."""

    name: str

    def reply(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Piece]:
        """Stream the reply in pieces of text, in order; raises ProviderError.

        Among or behind the pieces stand calls of `tools`, each whole.
        """

    async def close(self) -> None: ...


class TextToSpeech(Protocol):
    """`rate` is the sample rate in Hz of what it speaks, `does` what of a Voice it heeds itself."""

    name: str
    rate: int
    does: frozenset[Setting]

    def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """Stream speech as int16 chunks at `rate` Hz; raises ProviderError."""

    async def close(self) -> None: ...
