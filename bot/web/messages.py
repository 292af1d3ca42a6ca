"""What browser and bot say to each other while they call, as JSON; docs/browser.md explains it.

One model a message. What a browser sends is parsed by `parse`, which refuses anything else; what
the bot sends is made here too, so that signalling, server-sent events and the page agree.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VERSION: Literal[1] = 1
MAX_BYTES = 64 * 1024  # of one message; a large SDP has 8 kB
MAX_SDP = 48 * 1024
ROOM = r"^[A-Za-z0-9_-]{8,64}$"

AgentState = Literal[
    "connecting", "ringing", "listening", "thinking", "speaking", "paused", "on_hold", "ended"
]
Who = Literal["caller", "agent"]
Code = Literal[
    "bad_message",
    "bad_offer",
    "busy",
    "cannot",
    "forbidden",
    "no_call",
    "not_found",
    "too_many",
    "failed",
]


class Message(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = VERSION


class Candidate(BaseModel):
    """RTCIceCandidateInit, as `candidate.toJSON()` writes it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    candidate: str = Field(max_length=1024)
    sdpMid: str | None = Field(None, max_length=64)  # noqa: N815  the browser's own name
    sdpMLineIndex: int | None = Field(None, ge=0, le=64)  # noqa: N815  the same


# ---- from the browser


class Offer(Message):
    """Begins the room's call, or negotiates it anew when there is one."""

    type: Literal["offer"] = "offer"
    sdp: str = Field(max_length=MAX_SDP)
    number: str = Field("", max_length=64, description="who is called; empty: the default")
    persona: str = Field("", max_length=64, description="a persona's slug instead of a number")


class IceCandidate(Message):
    """A way to reach the sender; null when there are no more. Goes both ways."""

    type: Literal["ice-candidate"] = "ice-candidate"
    candidate: Candidate | None


class Digit(Message):
    """A key of the keypad was pressed."""

    type: Literal["digit"] = "digit"
    digit: str = Field(pattern=r"^[0-9*#A-D]$")


class HangUp(Message):
    """The caller ends the call."""

    type: Literal["hang_up"] = "hang_up"


FromBrowser: TypeAlias = Annotated[
    Offer | IceCandidate | Digit | HangUp, Field(discriminator="type")
]
_from_browser: TypeAdapter[FromBrowser] = TypeAdapter(FromBrowser)


def parse(text: str) -> FromBrowser:
    """A browser's message. Raises pydantic.ValidationError (a ValueError)."""
    return _from_browser.validate_json(text)


# ---- from the bot: about the connection, to the socket that asked


class Answer(Message):
    """The bot's SDP to the last offer."""

    type: Literal["answer"] = "answer"
    sdp: str
    call_id: str = Field(description="the call's record")


class Error(Message):
    """Something was refused; the call itself, if there is one, goes on unless `ended` follows."""

    type: Literal["error"] = "error"
    code: Code
    text: str = Field(description="for a person to read")
    retry_after_s: int | None = None


# ---- from the bot: what happens in the call, numbered, kept and told again after a reconnect


class Event(Message):
    """What happens in the call."""

    seq: int = Field(0, description="counts up from 1 in each room")
    at: float = Field(0.0, description="seconds since the answer; 0 before it")


class AgentStateEvent(Event):
    """What the bot is doing."""

    type: Literal["agent_state"] = "agent_state"
    state: AgentState
    reason: str = Field("", description="of `ended`: why")


class SpeakingState(Event):
    """Somebody began or ceased to speak."""

    type: Literal["speaking_state"] = "speaking_state"
    who: Who
    speaking: bool


class Transcript(Event):
    """What somebody said in a turn; replaces what was told of the same turn and speaker."""

    type: Literal["transcript"] = "transcript"
    turn: int
    who: Who
    text: str = Field(description="what was said; of the bot: all it wrote so far")
    heard: str = Field("", description="of the bot: the part that was heard")
    interrupted: bool = Field(False, description="of the bot: it was cut off after `heard`")


class Latency(Event):
    """How long a turn's answer took, from the caller's last sound to the first of the reply."""

    type: Literal["latency"] = "latency"
    turn: int
    total_ms: float
    parts_ms: dict[str, float] = Field(
        description="silence, stt, llm, tts, out; those that were measured"
    )


class KeysPressed(Event):
    """The bot pressed keys on the caller's line."""

    type: Literal["digits"] = "digits"
    digits: str


CallEvent: TypeAlias = Annotated[
    AgentStateEvent | SpeakingState | Transcript | Latency | KeysPressed,
    Field(discriminator="type"),
]
ToBrowser: TypeAlias = Answer | IceCandidate | Error | CallEvent
