"""What a leg is: one party's two-way audio, and the only clock a call has.

`frames()` yields one frame every 20 ms for as long as the party is there, also when nothing
arrives from the network; whoever iterates it needs no timer of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from bot.audio.frame import Frame


class HangUp(StrEnum):
    """Why we end or refuse a leg. Before the answer a leg turns it into its own refusal."""

    NORMAL = "normal"  # BYE; before the answer 480
    BUSY = "busy"  # 486
    NOT_FOUND = "not_found"  # 404, no route and no default
    DECLINED = "declined"  # 603
    UNAVAILABLE = "unavailable"  # 503 with Retry-After: draining or overloaded
    FAILED = "failed"  # 500


@dataclass(frozen=True, slots=True)
class LegInfo:
    """What is known of the party when the leg appears."""

    kind: str  # "sip", "webrtc", "loopback"
    leg_id: str  # unique on this machine: the SIP Call-ID, the room id
    caller: str  # user part of the calling party, "" when withheld
    called: str  # user part that was dialled
    caller_name: str = ""  # as their telephone tells it, "" when withheld
    codec: str = ""  # "PCMU", "PCMA", "G722", "opus"; "" before media is agreed
    codec_hz: int = 0  # sample rate of the codec's audio, 0 before media is agreed
    headers: Mapping[str, str] = field(default_factory=dict)  # those a dialplan may look at
    found: str = ""  # where the numbers were found, when it is not where one would look
    trunk: str = ""  # name of the trunk of a telephone call, "" for one that came by none
    outbound: bool = False  # we called them


@dataclass(frozen=True, slots=True)
class Digit:
    """One DTMF key was pressed."""

    digit: str  # one of 0-9 * # A-D
    method: str = "rfc4733"  # "rfc4733", "info", "inband", "web"


@dataclass(frozen=True, slots=True)
class Hold:
    """The far side put us on hold (`on`) or took us back."""

    on: bool


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """A codec was agreed or replaced; `Leg.info` already tells the new one."""

    codec: str
    codec_hz: int


LegEvent: TypeAlias = Digit | Hold | MediaChanged


@dataclass(frozen=True, slots=True)
class LegStats:
    """Counters of a leg's life, complete once `frames()` has ended. All in frames or packets."""

    frames_in: int = 0  # handed to whoever iterates frames()
    frames_lost: int = 0  # of them, silence put in because nothing had come
    frames_dropped: int = 0  # arrived or written but thrown away by a full mailbox
    underruns: int = 0  # ticks at which nothing of ours was ready to send
    rtp_received: int = 0
    rtp_lost: int = 0


@dataclass(frozen=True, slots=True)
class Delays:
    """How far a leg's two ends are from the wire, in seconds; lets a ledger speak of the wire."""

    inbound: float  # from a packet's arrival to its frame out of frames()
    outbound: float  # from write() to the packet's departure


class Leg(Protocol):
    """One party's two-way audio. All methods are called from the event loop's thread."""

    @property
    def info(self) -> LegInfo: ...

    @property
    def ended(self) -> str | None:
        """None while the party is there; then who ended it: "caller", "bot", "cancelled",
        "failed: 408 Request Timeout" and the like."""

    @property
    def stats(self) -> LegStats: ...

    @property
    def delays(self) -> Delays: ...

    async def answer(self) -> None:
        """Accept the call. Raises LegError when the party has gone meanwhile."""

    async def early(self) -> bool:
        """Open the way to the party before the answer (183 on a SIP leg): frames begin, and what is
        written is heard. False where there is no such way; raises LegError as `answer`."""

    async def refuse(self, code: int, reason: str = "", contact: str = "") -> None:
        """Turn the party away before the answer, with a SIP status of 300 to 699, its reason phrase
        and, with 3xx, where to call instead. Harmless when it has gone."""

    def frames(self) -> AsyncIterator[Frame]:
        """One frame per tick from the answer on, silence where lost; ends at hang-up.

        Where audio takes a moment longer than the answer, as with a browser, from then on: so
        nobody speaks before they can be heard.
        """

    def write(self, frame: Frame) -> None:
        """Queue one frame for the party. Never blocks; a full queue drops its oldest frame."""

    def flush(self) -> float:
        """Drop what is queued and not yet sent; the seconds dropped."""

    def events(self) -> list[LegEvent]:
        """What happened beside the audio since the last call of this method."""

    async def send_digits(self, digits: str) -> None:
        """Send DTMF to the party (RFC 4733 on a SIP leg)."""

    async def transfer(self, target: str) -> None:
        """Hand the party over to `target` (REFER on a SIP leg). Raises LegError when refused."""

    async def hang_up(self, reason: HangUp = HangUp.NORMAL) -> None:
        """End the leg, or refuse it before the answer. Calling it twice is harmless."""
