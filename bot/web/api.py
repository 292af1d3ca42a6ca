"""The API for programs: begin a call with an offer, follow it, end it. No kit needed.

POST /api/calls, GET and DELETE /api/calls/{id}, GET /api/calls/{id}/events (server-sent events),
POST /api/webrtc/offer, GET /api/numbers, GET /api/ice. docs/browser.md shows a call with curl.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeVar

from aiohttp import hdrs, web
from aiohttp_sse import sse_response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import LegError
from bot.legs.webrtc import IceServers
from bot.web.access import grant_of
from bot.web.messages import MAX_SDP, ROOM, AgentState, Code, Error
from bot.web.rooms import RESERVED_S, Room, Rooms
from bot.web.signaling import refusal
from bot.web.who import Answering, callees, may_call

STATUS: dict[Code, int] = {
    "bad_message": 400, "bad_offer": 400, "busy": 503, "cannot": 409, "failed": 502,
    "forbidden": 403, "no_call": 404, "not_found": 404, "too_many": 429,
}  # fmt: skip
Body = TypeVar("Body", bound=BaseModel)


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewCall(Strict):
    """Whom to call; with an offer the call begins at once."""

    number: str = Field("", max_length=64, description="who is called; empty: the default")
    persona: str = Field("", max_length=64, description="a persona's slug instead of a number")
    sdp: str = Field(
        "", max_length=MAX_SDP, description="an offer; without it one is awaited on the socket"
    )


class OneShot(Strict):
    """A whole call in one request, as `RTCPeerConnection.localDescription` writes it."""

    type: str = Field("offer", pattern="^offer$")
    sdp: str = Field(min_length=1, max_length=MAX_SDP)
    number: str = Field("", max_length=64, description="who is called; empty: the default")
    persona: str = Field("", max_length=64, description="a persona's slug instead of a number")
    id: str = Field(
        "", pattern=rf"{ROOM}|^$", description="of a call that is to be negotiated anew"
    )


class CallInfo(Strict):
    """A call as the API shows it."""

    id: str
    call_id: str = Field(description="the call's record; empty before the offer")
    persona: str
    state: AgentState
    reason: str = Field(description="why it ended; empty while it lives")
    last_event: int = Field(description="number of the last event")
    signaling: str = Field(description="path of the WebSocket")
    events: str = Field(description="path of the event stream")
    expires_s: float | None = Field(None, description="an offer is awaited so long")
    sdp: str = Field("", description="the answer, where an offer was sent")


class OneShotAnswer(Strict):
    """The answer, ready for `setRemoteDescription`, and what the call is called from now on."""

    type: str = "answer"
    sdp: str
    id: str
    call_id: str


class NumberInfo(Strict):
    """Somebody who can be called."""

    number: str
    persona: str
    name: str
    description: str


class Numbers(Strict):
    numbers: list[NumberInfo]


class IceServer(Strict):
    """RTCIceServer."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Ice(Strict):
    """A part of RTCConfiguration."""

    iceServers: list[IceServer]  # noqa: N815  the browser's own name


class Refusal(Strict):
    """What every answer from 400 on holds."""

    error: Error


class Api:
    """The handlers of one worker."""

    def __init__(self, rooms: Rooms, who: Answering, ice: IceServers) -> None:
        self._rooms, self._who, self._ice = rooms, who, ice

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/api/calls", self.begin),
            web.get("/api/calls/{id}", self.show),
            web.delete("/api/calls/{id}", self.hang_up),
            web.get("/api/calls/{id}/events", self.events),
            web.post("/api/webrtc/offer", self.offer),
            web.get("/api/numbers", self.numbers),
            web.get("/api/ice", self.ice),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        wanted = await body(request, NewCall)
        room = self._reserve(request, wanted.number, wanted.persona)
        answer = await self._negotiate(room, wanted.sdp) if wanted.sdp else ""
        path = f"/api/calls/{room.room_id}"
        return answered(info(room, answer), status=201, headers={hdrs.LOCATION: path})

    async def offer(self, request: web.Request) -> web.Response:
        wanted = await body(request, OneShot)
        room = self._room(wanted.id) if wanted.id else None
        if room is None:
            room = self._reserve(request, wanted.number, wanted.persona)
        answer = await self._negotiate(room, wanted.sdp)
        return answered(OneShotAnswer(sdp=answer, id=room.room_id, call_id=room.narrator.call_id))

    async def show(self, request: web.Request) -> web.Response:
        return answered(info(self._room(request.match_info["id"])))

    async def hang_up(self, request: web.Request) -> web.Response:
        room = self._room(request.match_info["id"])
        if room.leg is not None:
            room.leg.leave()
        elif not room.over:
            room.narrator.ended("caller hung up")
        return web.Response(status=204)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Events from Last-Event-ID (or ?since=) on; the stream ends with the call."""
        room = self._room(request.match_info["id"])
        since = request.headers.get("Last-Event-ID") or request.query.get("since", "0")
        if not (since.isascii() and since.isdecimal() and len(since) < 10):
            raise refused(Error(code="bad_message", text="since is the number of an event."))
        async with sse_response(request) as stream:
            with room.follow(int(since)) as feed, suppress(ConnectionResetError, TimeoutError):
                while (event := await feed.get()) is not None and stream.is_connected():
                    await stream.send(event.model_dump_json(), event=event.type, id=str(event.seq))
        return stream

    async def numbers(self, request: web.Request) -> web.Response:
        found = callees(self._who, grant_of(request))
        return answered(
            Numbers(
                numbers=[
                    NumberInfo(
                        number=each.number, persona=each.persona, name=each.name,
                        description=each.description,
                    )
                    for each in found
                ]
            )
        )  # fmt: skip

    async def ice(self, request: web.Request) -> web.Response:
        servers = []
        if self._ice.stun:
            servers.append(IceServer(urls=[self._ice.stun]))
        if self._ice.turn:
            servers.append(
                IceServer(
                    urls=[self._ice.turn],
                    username=self._ice.turn_username,
                    credential=self._ice.turn_password,
                )
            )
        return answered(Ice(iceServers=servers))

    # ----

    def _room(self, room_id: str) -> Room:
        room = self._rooms.get(room_id)
        if room is None:
            raise refused(Error(code="no_call", text="There is no such call."))
        return room

    def _reserve(self, request: web.Request, number: str, persona: str) -> Room:
        wrong = may_call(self._who, grant_of(request), number, persona)
        if wrong is not None:
            raise refused(wrong)
        try:
            return self._rooms.reserve(number, persona)
        except LegError as error:
            raise refused(refusal(error)) from None

    async def _negotiate(self, room: Room, sdp: str) -> str:
        try:
            return await self._rooms.offer(room, sdp)
        except LegError as error:
            if not room.offered:
                self._rooms.drop(room)
            raise refused(refusal(error)) from None


def info(room: Room, answer: str = "") -> CallInfo:
    narrator = room.narrator
    return CallInfo(
        id=room.room_id,
        call_id=narrator.call_id,
        persona=narrator.persona or room.persona,
        state=narrator.state,
        reason=narrator.reason,
        last_event=room.seq,
        signaling=f"/ws/signaling/{room.room_id}",
        events=f"/api/calls/{room.room_id}/events",
        expires_s=None if room.offered or room.over else RESERVED_S,
        sdp=answer,
    )


async def body(request: web.Request, model: type[Body]) -> Body:
    """The request's JSON as a model. Raises a refusal that tells the first fault."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise refused(Error(code="bad_message", text=what)) from None


def answered(model: BaseModel, **how: Any) -> web.Response:
    return web.Response(text=model.model_dump_json(), content_type="application/json", **how)


def refused(error: Error) -> web.HTTPException:
    """The error as an answer: its status, JSON, and when to try again."""
    headers: dict[str, str] = {}
    if error.retry_after_s is not None:
        headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
    return _Refused(STATUS[error.code], Refusal(error=error).model_dump_json(), headers)


class _Refused(web.HTTPException):
    """An answer that is made while a request is being looked at."""

    def __init__(self, status: int, text: str, headers: dict[str, str]) -> None:
        self.status_code = status
        super().__init__(text=text, headers=headers, content_type="application/json")
