"""Which worker carries a call: this one, or another one behind its Unix socket.

The first web worker is the door: it answers visitors and passes a request on when the call it is
about lives elsewhere, or when another worker has more free lines. The worker's own refusal is the
authority; what the door counts is only where it asks first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, web
from pydantic import BaseModel, ValidationError

from bot.web.access import may_begin_call
from bot.web.api import Api, refused
from bot.web.messages import Error
from bot.web.relay import relay
from bot.web.rooms import Rooms
from bot.web.signaling import RETRY_S, Signaling

ASKED_WITHIN_S = 1.0  # a worker that does not tell how it is doing in time is left out
JUST_NOW_S = 2.0  # so long the call of a socket that was passed on may not be counted there yet
BUSY = 503
ROOM = "{room_id:[A-Za-z0-9_-]{8,64}}"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Worker:
    """Another worker, as the door knows it."""

    socket: Path
    session: ClientSession
    passed_on: list[float] = field(default_factory=list)  # sockets: when, of the last JUST_NOW_S

    async def load(self, room_id: str) -> tuple[int, bool]:
        """Free lines, and whether the room is there; (0, False) when it does not answer."""
        try:
            async with self.session.get(
                "http://worker/line",
                params={"room": room_id},
                timeout=ClientTimeout(total=ASKED_WITHIN_S),
            ) as answer:
                told = await answer.json()
        except (ClientError, OSError, TimeoutError, ValueError):
            return 0, False
        return int(told["free"]), bool(told["has"])

    @property
    def expected(self) -> int:
        """Calls that may come through sockets which were passed on a moment ago."""
        now = time.monotonic()
        self.passed_on = [at for at in self.passed_on if now - at < JUST_NOW_S]
        return len(self.passed_on)


Load = tuple[Worker, tuple[int, bool]]


class Named(BaseModel):
    """What of a request's body says where it goes."""

    id: str = ""


class Lines:
    """The calls of this worker and of the others it is the door to."""

    def __init__(
        self, rooms: Rooms, api: Api, signaling: Signaling, others: Sequence[Path] = ()
    ) -> None:
        self._rooms, self._api, self._signaling = rooms, api, signaling
        self._paths = others
        self._others: list[Worker] = []

    async def start(self) -> None:
        self._others = [
            Worker(path, ClientSession(connector=UnixConnector(str(path), limit=0)))
            for path in self._paths
        ]

    async def close(self) -> None:
        await self._signaling.close()
        await asyncio.gather(*(each.session.close() for each in self._others))

    def routes(self) -> list[web.AbstractRouteDef]:
        """As visitors see them."""
        api, placed, found = self._api, self._placed, self._found
        return [
            web.get(f"/ws/signaling/{ROOM}", placed(self._signaling.socket)),
            web.get(f"/ws/signaling/{ROOM}/", placed(self._signaling.socket)),
            web.post("/api/calls", placed(api.begin)),
            web.get("/api/calls/{id}", found(api.show)),
            web.delete("/api/calls/{id}", found(api.hang_up)),
            web.get("/api/calls/{id}/events", found(api.events)),
            web.post("/api/webrtc/offer", placed(api.offer)),
            web.get("/api/numbers", api.numbers),
            web.get("/api/ice", api.ice),
        ]

    def inner_routes(self) -> list[web.AbstractRouteDef]:
        """As the door sees a worker that is none."""
        return [*self.routes(), web.get("/line", self._line)]

    async def _line(self, request: web.Request) -> web.Response:
        has = self._rooms.get(request.query.get("room", "")) is not None
        return web.json_response({"free": self._rooms.free, "has": has})

    def _found(self, handler: Handler) -> Handler:
        """To where the call is; here, if it is nowhere."""

        async def where_it_is(request: web.Request) -> web.StreamResponse:
            room_id = request.match_info["id"]
            if self._rooms.get(room_id) is None:
                for worker, (_, has) in await self._ask(room_id):
                    if has:
                        return await relay(request, worker.session)
            return await handler(request)

        return where_it_is

    def _placed(self, handler: Handler) -> Handler:
        """To where the call is, or where there is most room for it."""

        async def where_it_goes(request: web.Request) -> web.StreamResponse:
            room_id = await _room_of(request)
            if room_id and self._rooms.get(room_id) is not None:
                return await handler(request)
            loads = await self._ask(room_id)
            for worker, (_, has) in loads:
                if has:
                    return await relay(request, worker.session)
            _check_rate(request)
            if request.method == "POST":
                return await self._first_free(request, handler, loads)
            return await self._most_free(request, handler, loads)

        return where_it_goes

    async def _first_free(
        self, request: web.Request, handler: Handler, loads: list[Load]
    ) -> web.StreamResponse:
        """The answer of the first worker that takes the call, those with most room first."""
        choices: list[tuple[int, Worker | None]] = [(self._rooms.free, None)]
        choices += [(free, worker) for worker, (free, _) in loads]
        for free, worker in sorted(choices, key=lambda each: -each[0]):
            if not free:
                break
            try:
                if worker is None:
                    return await handler(request)
                return await relay(request, worker.session, but_not=BUSY)
            except web.HTTPException as error:
                if error.status != BUSY:
                    raise
        raise refused(Error(code="busy", text="All lines are busy.", retry_after_s=RETRY_S))

    async def _most_free(
        self, request: web.Request, handler: Handler, loads: list[Load]
    ) -> web.StreamResponse:
        """A socket has to be placed before its offer is known: where most room is expected."""
        best, most = None, self._rooms.free
        for worker, (free, _) in loads:
            if free - worker.expected > most:
                best, most = worker, free - worker.expected
        if best is None:
            return await handler(request)
        best.passed_on.append(time.monotonic())
        return await relay(request, best.session)

    async def _ask(self, room_id: str) -> list[Load]:
        loads = await asyncio.gather(*(each.load(room_id) for each in self._others))
        return list(zip(self._others, loads, strict=True))


def _check_rate(request: web.Request) -> None:
    """Raises a refusal when this address has begun too many calls."""
    wait_s = may_begin_call(request)
    if wait_s is not None:
        text = f"Your address has called too often. Try again in {wait_s} s."
        raise refused(Error(code="too_many", text=text, retry_after_s=wait_s))


async def _room_of(request: web.Request) -> str:
    """The room a request names, "" when it makes a new one. The body can be read again."""
    if "room_id" in request.match_info:
        return request.match_info["room_id"]
    try:  # pydantic's reader: json's own meets its end in a body that is nested deeply
        return Named.model_validate_json(await request.read()).id
    except ValidationError:  # the handler tells what is wrong with it
        return ""
