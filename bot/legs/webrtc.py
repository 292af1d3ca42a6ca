"""The browsers' side of a web worker: an endpoint that makes legs of their offers.

    endpoint = WebRtcEndpoint(WebRtcSettings())
    await endpoint.start()
    leg = endpoint.offered(sdp, leg_id=room, called="1000")
    answer = await leg.negotiated()         # once somebody called leg.answer()

The files around this one: `webrtc_leg` (a party as the rest of the bot sees it), `webrtc_peer` (one
connection, on aiortc), `webrtc_ice` (STUN and TURN in the background), `webrtc_jitter` (packets
to frames), `webrtc_clock`, `opus`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.legs.base import LegInfo
from bot.legs.lateness import Lateness
from bot.legs.webrtc_clock import Clock
from bot.legs.webrtc_ice import IceServers, checked
from bot.legs.webrtc_leg import AllLinesBusy, LegRefused, WebRtcLeg
from bot.legs.webrtc_peer import check_aiortc, parse_offer

__all__ = [
    "AllLinesBusy", "IceServers", "LegRefused", "WebRtcEndpoint", "WebRtcLeg", "WebRtcSettings",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebRtcSettings:
    """What one endpoint has to know."""

    max_calls: int = 6
    ice: IceServers = field(default_factory=IceServers)
    reconnect_s: float = 20.0  # a call whose browser is gone is kept so long


class WebRtcEndpoint:
    """One per process."""

    def __init__(self, settings: WebRtcSettings) -> None:
        self.settings = settings
        self._clock = Clock()
        self._legs: set[WebRtcLeg] = set()

    async def start(self) -> None:
        """Raises StartError when aiortc is not as expected, LegError for servers that are none."""
        checked(self.settings.ice)
        await check_aiortc()

    async def close(self) -> None:
        """Every leg ends."""
        await asyncio.gather(*(leg.hang_up() for leg in self._live()))
        await self._clock.stop()

    @property
    def calls(self) -> int:
        """Legs that have not ended."""
        return len(self._live())

    @property
    def lateness(self) -> Lateness:
        return self._clock.lateness

    def _live(self) -> set[WebRtcLeg]:
        self._legs = {leg for leg in self._legs if leg.ended is None}
        return self._legs

    def offered(
        self, sdp: str, *, leg_id: str, called: str, caller: str = "", caller_name: str = ""
    ) -> WebRtcLeg:
        """A leg that rings. Raises LegError when the SDP is no good, AllLinesBusy."""
        if self.calls >= self.settings.max_calls:
            raise AllLinesBusy("all lines are busy")
        info = LegInfo("webrtc", leg_id, caller, called, caller_name, "opus", 48_000)
        leg = WebRtcLeg(
            parse_offer(sdp), info, self.settings.ice, self.settings.reconnect_s, self._clock
        )
        self._legs.add(leg)
        return leg
