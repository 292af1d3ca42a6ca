"""/ws/signaling/{room_id}: offers, answers, candidates, and what happens in the call.

A socket is a visitor of its room: when it goes the call stays, and whoever comes back with
`?since=` is told what it missed. The newest socket of a room is the one that steers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import TypeAlias

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from bot.errors import LegError
from bot.legs.base import HangUp
from bot.legs.webrtc import AllLinesBusy, LegRefused
from bot.web.access import grant_of
from bot.web.links import Grant
from bot.web.messages import (
    MAX_BYTES,
    Answer,
    Candidate,
    Code,
    Digit,
    Error,
    FromBrowser,
    IceCandidate,
    Offer,
    ToBrowser,
    parse,
)
from bot.web.messages import HangUp as HangUpMessage
from bot.web.rooms import Feed, Room, Rooms
from bot.web.who import Answering, may_call

HEARTBEAT_S = 15.0
OFFER_WITHIN_S = 20.0  # a socket without a call has to make one
MOST_BAD = 20  # messages that say nothing; then the socket is closed
MOST_IN_S = 100  # messages a second
RETRY_S = 15  # until a line may be free
NOT_THERE = 4404  # close code: the room's call is over or never was

REFUSED: dict[HangUp, Code] = {
    HangUp.BUSY: "busy",
    HangUp.UNAVAILABLE: "busy",
    HangUp.NOT_FOUND: "not_found",
    HangUp.DECLINED: "forbidden",
}
Socket: TypeAlias = web.WebSocketResponse


def refusal(error: LegError) -> Error:
    """What a browser is told of a call that was not taken."""
    match error:
        case AllLinesBusy():
            return Error(code="busy", text="All lines are busy.", retry_after_s=RETRY_S)
        case LegRefused(reason=reason):
            code = REFUSED.get(reason, "failed")
            if code == "busy":
                return Error(code=code, text="All lines are busy.", retry_after_s=RETRY_S)
            text = "Nobody answers that number." if code == "not_found" else "The call failed."
            return Error(code=code, text=text)
        case _:
            return Error(code="bad_offer", text=str(error))


class Signaling:
    """The sockets of one worker."""

    def __init__(self, rooms: Rooms, who: Answering) -> None:
        self._rooms, self._who = rooms, who
        self._steering: dict[str, Visit] = {}

    async def socket(self, request: web.Request) -> Socket:
        room_id = request.match_info["room_id"]
        since = request.query.get("since", "0")
        visit = Visit(
            self._rooms, self._who, room_id, grant_of(request),
            int(since) if since.isascii() and since.isdecimal() and len(since) < 10 else 0,
        )  # fmt: skip
        await visit.socket.prepare(request)
        if (old := self._steering.get(room_id)) is not None:
            await old.taken_over()
        self._steering[room_id] = visit
        try:
            await visit.run()
        finally:
            if self._steering.get(room_id) is visit:
                del self._steering[room_id]
            await visit.close()
        return visit.socket

    async def close(self) -> None:
        """The worker stops: sockets are told to come back."""
        for visit in list(self._steering.values()):
            await visit.socket.close(code=WSCloseCode.GOING_AWAY, message=b"restart")


class Visit:
    """One socket, from its upgrade to its close."""

    def __init__(
        self, rooms: Rooms, who: Answering, room_id: str, grant: Grant, since: int
    ) -> None:
        self.socket: Socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S, max_msg_size=MAX_BYTES, compress=False
        )
        self._rooms, self._who, self._room_id, self._grant = rooms, who, room_id, grant
        self._since = since
        self._room: Room | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._bad = 0
        self._second, self._in_second = 0, 0

    async def run(self) -> None:
        """Read until the socket or the call is over."""
        if (room := self._rooms.get(self._room_id)) is not None and (room.offered or room.over):
            self._attach(room)
        else:
            self._start(self._in_time())
        async for message in self.socket:
            if message.type is not WSMsgType.TEXT:
                await self._refuse_message("Text messages only.")
            elif self._too_many():
                await self.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many")
            else:
                await self._take_text(message.data)

    async def taken_over(self) -> None:
        """Another socket of the same room steers from now on."""
        await self.socket.close(code=WSCloseCode.OK, message=b"taken over")

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._room is not None and (leg := self._room.leg) is not None:
            leg.on_candidate = None

    # ---- from the browser

    async def _take_text(self, text: str) -> None:
        try:
            message = parse(text)
        except (ValidationError, RecursionError) as error:
            await self._refuse_message(_what_is_wrong(error))
            return
        await self._take(message)

    async def _take(self, message: FromBrowser) -> None:
        if isinstance(message, Offer):
            await self._offer(message)
            return
        leg = self._room.leg if self._room is not None else None
        if leg is None:
            await self._send(Error(code="no_call", text="There is no call in this room."))
            return
        match message:
            case IceCandidate(candidate=None):
                await self._add(leg.add_candidate(None, None, None))
            case IceCandidate(candidate=Candidate() as way):
                await self._add(leg.add_candidate(way.candidate, way.sdpMid, way.sdpMLineIndex))
            case Digit(digit=digit):
                leg.press(digit)
            case HangUpMessage():
                leg.leave()

    async def _add(self, adding: Awaitable[None]) -> None:
        try:
            await adding
        except LegError as error:
            await self._refuse_message(str(error))

    async def _offer(self, offer: Offer) -> None:
        """The call exists at once, for candidates follow; its answer may take a while."""
        room = self._rooms.get(self._room_id)
        if room is None:
            wrong = may_call(self._who, self._grant, offer.number, offer.persona)
            if wrong is not None:
                await self._send(wrong)
                return
        try:
            if room is None:
                room = self._rooms.reserve(offer.number, offer.persona, self._room_id)
            answering = self._rooms.offer(room, offer.sdp)
        except LegError as error:
            if room is not None and not room.offered:
                self._rooms.drop(room)
            await self._send(refusal(error))
            return
        self._attach(room)
        negotiation = asyncio.ensure_future(answering)  # goes on without this socket
        negotiation.add_done_callback(_look)
        self._start(self._answer(room, negotiation))

    async def _answer(self, room: Room, answering: asyncio.Future[str]) -> None:
        try:
            answer = await asyncio.shield(answering)
        except LegError as error:
            await self._send(refusal(error))
            return
        await self._send(Answer(sdp=answer, call_id=room.narrator.call_id))

    def _attach(self, room: Room) -> None:
        """Follow the room's events; its late candidates are for this socket."""
        if self._room is None:
            self._room = room
            self._start(self._pump(room))
        if room.leg is not None:
            room.leg.on_candidate = self._candidate

    def _candidate(self, text: str | None, mid: str, line: int) -> None:
        way = None if text is None else Candidate(candidate=text, sdpMid=mid, sdpMLineIndex=line)
        self._start(self._send(IceCandidate(candidate=way)))

    # ---- to the browser

    async def _pump(self, room: Room) -> None:
        with room.follow(self._since) as feed:
            await self._pass_on(feed)
        await self.socket.close(code=WSCloseCode.OK, message=b"over")

    async def _pass_on(self, feed: Feed) -> None:
        while (event := await feed.get()) is not None:
            await self._send(event)

    async def _send(self, message: ToBrowser) -> None:
        with suppress(ConnectionError, RuntimeError):  # it has gone; the room remembers
            await self.socket.send_str(message.model_dump_json())

    async def _in_time(self) -> None:
        await asyncio.sleep(OFFER_WITHIN_S)
        if self._room is None:
            await self.socket.close(code=NOT_THERE, message=b"no offer came")

    # ---- limits

    async def _refuse_message(self, why: str) -> None:
        self._bad += 1
        await self._send(Error(code="bad_message", text=why))
        if self._bad >= MOST_BAD:
            await self.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"bad messages")

    def _too_many(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        self._in_second = self._in_second + 1 if second == self._second else 1
        self._second = second
        return self._in_second > MOST_IN_S

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _look(negotiation: asyncio.Future[str]) -> None:
    """A failure that no socket waits for any more is no accident."""
    if not negotiation.cancelled():
        negotiation.exception()


def _what_is_wrong(error: ValidationError | RecursionError) -> str:
    """The first fault, without quoting what was sent."""
    if isinstance(error, RecursionError):
        return "Nested too deeply."
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "union_tag_invalid":
        return "type: this kind of message is not known here."
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
