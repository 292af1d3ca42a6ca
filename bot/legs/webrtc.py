"""The browsers' side of a worker: an endpoint that turns offers into legs.

    endpoint = WebRtcEndpoint(WebRtcSettings())
    await endpoint.start()
    leg = endpoint.offered(sdp, leg_id=room, called="1000")
    await leg.answer()
    sdp = await leg.negotiated()        # for the browser

The files around this one: `webrtc_leg` (a party as the rest of the bot sees it), `webrtc_paths`
(the peer connections it has had), `webrtc_peer` (one of them), `webrtc_sdp`, `webrtc_ice`,
`webrtc_teardown`, `webrtc_clock`, `webrtc_inbound` and `webrtc_jitter` (packets to frames), `opus`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from bot.errors import LegError
from bot.legs.base import LegInfo
from bot.legs.lateness import Lateness
from bot.legs.webrtc_clock import LoopClock
from bot.legs.webrtc_ice import IceServers, parsed_servers
from bot.legs.webrtc_leg import LegRefused, WebRtcLeg
from bot.legs.webrtc_paths import Paths
from bot.legs.webrtc_peer import check_libraries
from bot.legs.webrtc_sdp import parse_offer

__all__ = [
    "AllLinesBusy", "IceServers", "LegRefused", "WebRtcEndpoint", "WebRtcLeg", "WebRtcSettings",
]  # fmt: skip

log = structlog.get_logger(__name__)

KIND = "webrtc"
GOODBYE_S = 2.0


class AllLinesBusy(LegError):
    """As many browsers call as may."""


@dataclass(frozen=True, slots=True)
class WebRtcSettings:
    """How many may call, and how their audio finds its way."""

    max_calls: int = 6
    ice: IceServers = field(default_factory=IceServers)
    reconnect_s: float = 20.0  # a call without connection is kept so long
    quiet_s: float = 8.0  # without audio or connectivity check; browsers send one each 2.5 or 5 s


class WebRtcEndpoint:
    """One per process."""

    def __init__(self, settings: WebRtcSettings) -> None:
        self.settings = settings
        self.clock = LoopClock()
        self._servers: dict[str, Any] = {}
        self._legs: set[WebRtcLeg] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def calls(self) -> int:
        """Legs that have not ended."""
        return len(self._legs)

    @property
    def lateness(self) -> Lateness:
        return self.clock.lateness

    async def start(self) -> None:
        """Raises StartError when a server's address or the installed aiortc does not fit."""
        self._servers = parsed_servers(self.settings.ice)
        await check_libraries()

    async def close(self) -> None:
        """Hang up on everybody. Returns within about three seconds."""
        await asyncio.gather(*(leg.hang_up() for leg in tuple(self._legs)))
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=GOODBYE_S)

    def offered(
        self, sdp: str, *, leg_id: str, called: str, caller: str = "", caller_name: str = ""
    ) -> WebRtcLeg:
        """The leg of a browser that calls; it rings. Raises LegError when its offer is none or
        has no audio for us, AllLinesBusy when there are too many."""
        if len(self._legs) >= self.settings.max_calls:
            raise AllLinesBusy("all lines are busy")
        leg = WebRtcLeg(self, parse_offer(sdp), LegInfo(KIND, leg_id, caller, called, caller_name))
        self._legs.add(leg)
        return leg

    # ---- what legs need ----------------------------------------------------------------------

    def paths(self, leg: WebRtcLeg) -> Paths:
        return Paths(leg, self._servers, self.settings, self._spawn)

    def left(self, leg: WebRtcLeg) -> None:
        self._legs.discard(leg)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
