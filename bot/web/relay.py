"""A visitor's request, passed on to another worker of ours; answers and sockets come back."""

from __future__ import annotations

import asyncio

from aiohttp import (
    ClientError,
    ClientSession,
    ClientWebSocketResponse,
    ClientWSTimeout,
    WSMessage,
    WSMsgType,
    hdrs,
    web,
)

from bot.web.access import grant_of
from bot.web.messages import MAX_BYTES

PASSED_ON = (hdrs.CONTENT_TYPE, "Last-Event-ID")  # headers of a request
NOT_BACK = {hdrs.CONTENT_LENGTH, hdrs.TRANSFER_ENCODING, hdrs.CONNECTION, hdrs.DATE, hdrs.SERVER}
GRANTED = "X-Bot-Grant"  # what the door found the visitor may do


async def relay(
    request: web.Request, session: ClientSession, *, but_not: int = 0
) -> web.StreamResponse:
    """The other worker's answer. Raises HTTPBadGateway when it has died, HTTPServiceUnavailable
    when it answers with the status `but_not`: somebody else may do better."""
    try:
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await _socket(request, session)
        return await _answer(request, session, but_not)
    except (ClientError, OSError) as error:
        raise web.HTTPBadGateway(text="The worker of this call has died.") from error


def _headers(request: web.Request) -> dict[str, str]:
    passed = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    return passed | {GRANTED: grant_of(request).as_text()}


async def _answer(request: web.Request, session: ClientSession, but_not: int) -> web.StreamResponse:
    async with session.request(
        request.method, f"http://worker{request.path_qs}",
        headers=_headers(request), data=await request.read(),
    ) as theirs:  # fmt: skip
        if theirs.status == but_not:
            raise web.HTTPServiceUnavailable
        headers = {k: v for k, v in theirs.headers.items() if k not in NOT_BACK}
        ours = web.StreamResponse(status=theirs.status, headers=headers)
        await ours.prepare(request)
        async for chunk in theirs.content.iter_any():
            await ours.write(chunk)
        await ours.write_eof()
        return ours


async def _socket(request: web.Request, session: ClientSession) -> web.StreamResponse:
    async with session.ws_connect(
        f"http://worker{request.path_qs}", headers=_headers(request), max_msg_size=MAX_BYTES,
        timeout=ClientWSTimeout(ws_close=2.0),
    ) as theirs:  # fmt: skip
        ours = web.WebSocketResponse(max_msg_size=MAX_BYTES, compress=False)
        await ours.prepare(request)
        ways = [
            asyncio.ensure_future(_pass(ours, theirs)),
            asyncio.ensure_future(_pass(theirs, ours)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            _, back = await asyncio.gather(*ways, return_exceptions=True)
        reason = back.encode() if isinstance(back, str) else b""
        await ours.close(code=theirs.close_code or ours.close_code or 1001, message=reason)
        return ours


End = web.WebSocketResponse | ClientWebSocketResponse


async def _pass(source: End, sink: End) -> str:
    """Until the source is closed; the reason it gives."""
    while True:
        message: WSMessage = await source.receive()
        match message.type:
            case WSMsgType.TEXT:
                await sink.send_str(message.data)
            case WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            case _:
                return message.extra or ""
