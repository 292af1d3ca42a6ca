"""Rooms: a browser call each, with its leg, its log of events and whoever follows it.

A room outlives its sockets: events are kept and told again to whoever comes back, and for a while
after the end. The log holds the last of each kind (per turn and speaker for what was said), so it
stays as short as the conversation.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.calls.manager import CallManager
from bot.errors import LegError
from bot.legs.webrtc import AllLinesBusy, WebRtcEndpoint, WebRtcLeg
from bot.web.messages import CallEvent, KeysPressed, Latency, SpeakingState, Transcript
from bot.web.narrator import Narrator

RESERVED_S = 30.0  # a room that was asked for waits so long for its offer
KEPT_S = 60.0  # after the end: whoever comes late still learns how it ended
FOLLOWER_EVENTS = 256  # a follower that lags further behind is let go; it may come again

Feed = asyncio.Queue[CallEvent | None]  # None: there is nothing more


class NotReady(AllLinesBusy):
    """The worker is starting or stopping; another moment, or another worker, may do."""


@dataclass(slots=True)
class Room:
    """One browser call."""

    room_id: str
    number: str
    persona: str
    on_over: Callable[[Room], None]
    narrator: Narrator = field(init=False)
    leg: WebRtcLeg | None = None  # None before the offer and after the end
    offered: bool = False
    _log: dict[tuple[object, ...], CallEvent] = field(default_factory=dict)
    _seq: int = 0
    _feeds: set[Feed] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.narrator = Narrator(self.tell)

    @property
    def over(self) -> bool:
        return self.narrator.state == "ended"

    @property
    def seq(self) -> int:
        """Number of the last event."""
        return self._seq

    def tell(self, event: CallEvent) -> None:
        """Number an event, keep it, pass it on."""
        self._seq += 1
        event = event.model_copy(update={"seq": self._seq})
        key = _key(event)
        self._log.pop(key, None)  # the newest stand last
        self._log[key] = event
        for feed in list(self._feeds):
            self._pass_on(feed, event)
            if self.over:
                self._pass_on(feed, None)
        if self.over:
            self.leg = None  # the log is all that is kept
            self.on_over(self)

    def _pass_on(self, feed: Feed, event: CallEvent | None) -> None:
        try:
            feed.put_nowait(event)
        except asyncio.QueueFull:
            self._feeds.discard(feed)
            feed.get_nowait()
            feed.put_nowait(None)

    @contextmanager
    def follow(self, since: int = 0) -> Iterator[Feed]:
        """What happened after event `since`, then what happens."""
        feed: Feed = asyncio.Queue(FOLLOWER_EVENTS)
        for event in [each for each in self._log.values() if each.seq > since][-FOLLOWER_EVENTS:]:
            if feed.full():
                feed.get_nowait()
            feed.put_nowait(event)
        if self.over:
            self._pass_on(feed, None)
        self._feeds.add(feed)
        try:
            yield feed
        finally:
            self._feeds.discard(feed)


def _key(event: CallEvent) -> tuple[object, ...]:
    match event:
        case Transcript(turn=turn, who=who):
            return ("transcript", turn, who)
        case SpeakingState(who=who):
            return ("speaking_state", who)
        case KeysPressed(seq=seq):
            return ("digits", seq)
        case Latency(turn=turn):
            return ("latency", turn)
        case _:
            return (event.type,)


class Rooms:
    """All of a worker's. `ready` tells whether calls are taken; see the web worker."""

    def __init__(self, endpoint: WebRtcEndpoint, manager: CallManager, most: int) -> None:
        self._endpoint, self._manager, self._most = endpoint, manager, most
        self._rooms: dict[str, Room] = {}
        self.ready = False

    def get(self, room_id: str) -> Room | None:
        return self._rooms.get(room_id)

    @property
    def taken(self) -> int:
        """Lines in use or promised."""
        return sum(not room.over for room in self._rooms.values())

    @property
    def free(self) -> int:
        ready = self.ready and not self._manager.draining
        return max(0, self._most - self.taken) if ready else 0

    def reserve(self, number: str, persona: str, room_id: str = "") -> Room:
        """A room that waits for its offer. Raises AllLinesBusy."""
        if not self.ready or self._manager.draining:
            raise NotReady("the bot is starting or stopping")
        if not self.free:
            raise AllLinesBusy("all lines are busy")
        room = Room(room_id or secrets.token_urlsafe(18), number, persona, self._over)
        self._rooms[room.room_id] = room
        asyncio.get_running_loop().call_later(RESERVED_S, self._expire, room)
        return room

    def _expire(self, room: Room) -> None:
        if not room.offered and not room.over:
            room.narrator.ended("nobody came")

    def _over(self, room: Room) -> None:
        asyncio.get_running_loop().call_later(KEPT_S, self._forget, room)

    def _forget(self, room: Room) -> None:
        if self._rooms.get(room.room_id) is room:
            del self._rooms[room.room_id]

    def drop(self, room: Room) -> None:
        """Its first offer was no good: the line is free again."""
        self._forget(room)

    def offer(self, room: Room, sdp: str) -> Awaitable[str]:
        """The room's call begins, or is negotiated anew; the answer is to be awaited.

        Raises LegError when the SDP is no good, and while it is awaited LegRefused when nobody
        takes the call.
        """
        if room.leg is not None:
            return room.leg.renegotiate(sdp)
        if room.over or room.offered:
            raise LegError("the call is over")
        leg = self._endpoint.offered(sdp, leg_id=room.room_id, called=room.number)
        room.leg, room.offered = leg, True
        leg.on_digits = lambda digits: room.tell(KeysPressed(digits=digits))
        self._manager.on_call(leg, persona=room.persona, tap=room.narrator)
        return leg.negotiated()
