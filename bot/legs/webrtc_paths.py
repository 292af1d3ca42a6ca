"""The network paths of one browser leg: the one in use, and one that is about to take over.

aiortc cannot restart ICE. So when a browser comes with a new ICE session (its network changed, its
page was loaded again) it gets a fresh peer connection, and the old one is used until the new one
is connected. When no path is left the leg is told, and after `reconnect_s` given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from aiortc import RTCIceCandidate

from bot.audio.frame import FRAME_S
from bot.errors import LegError
from bot.legs.opus import OpusPacket
from bot.legs.webrtc_peer import Peer
from bot.legs.webrtc_sdp import Offer
from bot.legs.webrtc_teardown import CLOSE_S


class Party(Protocol):
    """Who is told."""

    def connection(self, up: bool, *, again: bool) -> None: ...

    def found(self, candidate: RTCIceCandidate | None, mid: str, line: int) -> None: ...

    def lost(self) -> None: ...


class Times(Protocol):
    """How long a connection may be bad, see `WebRtcSettings`."""

    @property
    def reconnect_s(self) -> float: ...

    @property
    def quiet_s(self) -> float: ...


class Paths:
    """`spawn` keeps a task until it is done, also beyond the leg's end."""

    def __init__(
        self,
        party: Party,
        servers: dict[str, Any],
        times: Times,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._party: Party | None = party  # let go at the end: it holds us
        self._servers = servers
        self._times = times
        self._spawn = spawn
        self._now: Peer | None = None
        self._next: Peer | None = None
        self._next_until = 0.0  # it must be up by then
        self._up = False
        self._was_up = False
        self._over = False
        self._giving_up: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._received = self._lost = 0  # of paths that are gone

    @property
    def counts(self) -> tuple[int, int]:
        """Packets received and lost."""
        peers = [peer for peer in (self._now, self._next) if peer is not None]
        received = sum(peer.inbound.jitter.received for peer in peers)
        lost = sum(peer.inbound.jitter.lost for peer in peers)
        return self._received + received, self._lost + lost

    @property
    def delay_s(self) -> float:
        return self._now.inbound.delay_s if self._now is not None else FRAME_S / 2

    # ---- audio -----------------------------------------------------------------------------

    def send(self, packet: OpusPacket) -> None:
        if self._now is not None:
            self._now.send(packet)

    def frame(self, now: float) -> tuple[bytes | None, bool]:
        """This tick's audio, and whether it is made up or missing."""
        if self._next is not None and now > self._next_until:
            peer, self._next = self._next, None
            self._retire(peer)
        if self._now is None:
            return None, True
        peer = self._now
        if peer.state == "up":
            quiet = peer.quiet_s(now) > self._times.quiet_s
            if quiet == self._up:
                self._tell(not quiet)
        return peer.inbound.frame(now)

    # ---- negotiation -----------------------------------------------------------------------

    async def accept(self, offer: Offer, candidates: list[RTCIceCandidate]) -> str:
        """The answer to an offer, from the path it belongs to or from a new one."""
        for peer in (self._next, self._now):
            if peer is not None and peer.state != "lost" and peer.offer is not None:
                if peer.offer.path == offer.path:
                    return await peer.accept(offer)
                break
        peer = Peer(self._servers, self._changed, self._found)
        try:
            answer = await peer.accept(offer)
        except LegError:
            self._retire(peer)
            raise
        for candidate in candidates:
            peer.add(candidate)
        self._adopt(peer)
        return answer

    def _adopt(self, peer: Peer) -> None:
        if self._over:
            self._retire(peer)
        elif self._now is None:
            self._now = peer
            self._expect()
        else:
            if self._next is not None:
                self._retire(self._next)
            self._next = peer
            self._next_until = asyncio.get_running_loop().time() + self._times.reconnect_s
            if self._giving_up is not None:  # it is back; the new path gets all the time
                self._giving_up.cancel()
                self._giving_up = None
                self._expect()

    def add(self, candidate: RTCIceCandidate) -> None:
        """For the newest path: signalling is in order."""
        peer = self._next or self._now
        if peer is not None:
            peer.add(candidate)

    def _found(self, peer: Peer, candidate: RTCIceCandidate | None) -> None:
        party = self._party
        if party is not None and peer in (self._next, self._now) and peer.offer is not None:
            party.found(candidate, peer.offer.mid, peer.offer.tagged)

    # ---- up and down -----------------------------------------------------------------------

    def _changed(self, peer: Peer) -> None:
        if self._over:
            return
        if peer is self._next:
            self._next = None
            if peer.state != "up":
                self._retire(peer)
                return
            old, self._now = self._now, peer
            if old is not None:
                self._retire(old)
        if peer is self._now:
            if peer.state == "lost":
                self._shut(peer)
            self._tell(peer.state == "up")

    def _tell(self, up: bool) -> None:
        if up == self._up and self._giving_up is None:
            return
        if up and self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        elif not up:
            self._expect()
        if up != self._up and self._party is not None:
            self._up = up
            self._party.connection(up, again=self._was_up)
            self._was_up = True

    def _expect(self) -> None:
        """From now on a path must come up in time."""
        if self._giving_up is None:
            loop = asyncio.get_running_loop()
            self._giving_up = loop.call_later(self._times.reconnect_s, self._give_up)

    def _give_up(self) -> None:
        self._giving_up = None
        if self._party is not None:
            self._party.lost()

    # ---- the end ---------------------------------------------------------------------------

    def _retire(self, peer: Peer) -> None:
        self._received += peer.inbound.jitter.received
        self._lost += peer.inbound.jitter.lost
        self._shut(peer)

    def _shut(self, peer: Peer) -> None:
        task = self._spawn(peer.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def close(self) -> None:
        """No more audio; whoever wants to wait awaits `closed`."""
        self._over = True
        self._party = None
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        peers, self._now, self._next = (self._now, self._next), None, None
        for peer in peers:
            if peer is not None:
                self._retire(peer)

    async def closed(self) -> None:
        """Wait for the goodbyes, a second at most."""
        if self._closing:
            await asyncio.wait(tuple(self._closing), timeout=CLOSE_S)
