"""pjsip's life and the table of its calls. Used on the SIP thread only."""

from __future__ import annotations

import ctypes
import itertools
import sys
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pjsua2 as pj

from bot.errors import LegError, StartError
from bot.legs.bridge import SILENCE, Pool, hush
from bot.legs.mailbox import Mailbox
from bot.legs.sip_call import Confirmed, News, NoAudio, Pressed, SipCall, guarded
from bot.legs.sip_clock import Clock
from bot.legs.sip_gate import put_gate
from bot.legs.sip_info import InfoDesk
from bot.legs.sip_ports import quiet_share
from bot.legs.sip_ptime import PacketTime
from bot.legs.sip_replies import refusal, status
from bot.legs.sip_rtp_door import RtpDoor
from bot.legs.sip_sdp import show_sdp
from bot.legs.sip_setup import (
    LIBRARY,
    SipSettings,
    choose_codecs,
    endpoint_config,
    max_calls_compiled,
)
from bot.legs.sip_sockets import CALLS_AT_ONCE, BoundedEndpoint, Rate
from bot.legs.sip_srtp import allow, unusable
from bot.legs.sip_watchdog import Looks, Watchdog

POLL_MS = 10
RETRY_AFTER_S = 5


@cache
def the_endpoint() -> BoundedEndpoint:
    """pjsua2's singleton; making it a second time ends the process."""
    endpoint = BoundedEndpoint()
    immortal(endpoint)
    return endpoint


_kept: list[object] = []


def immortal(thing: Any) -> Any:
    """`thing`, whose C++ half is never freed: after libDestroy that would crash the process."""
    thing.thisown = False
    _kept.append(thing)
    return thing


@dataclass(frozen=True, slots=True)
class Invite:
    """An INVITE as it came."""

    serial: int
    call_id: str
    message: str  # the whole request
    box: Mailbox


class _Account(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    def __init__(self, incoming: Callable[[int, str, str], None]) -> None:
        super().__init__()
        self._incoming = incoming

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self._incoming(int(prm.callId), str(prm.rdata.wholeMsg), str(prm.rdata.srcAddress))


class SipStack:
    """`on_invite` is told of every INVITE that may be answered and says where its news go;
    `draining` is asked first."""

    def __init__(
        self,
        settings: SipSettings,
        loop: AbstractEventLoop,
        on_invite: Callable[[Invite], Callable[[News], None]],
        draining: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._on_invite = on_invite
        self._draining = draining
        self._serials = itertools.count(1)
        self._calls: dict[int, SipCall] = {}
        self._looks = Looks()
        self._begun = Rate(CALLS_AT_ONCE)

    @property
    def dtmf_inband(self) -> str:
        return self._settings.dtmf_inband

    # ---- up and down -------------------------------------------------------------------

    def start(self, address: str, port: int) -> None:
        """Raises StartError."""
        sys.setswitchinterval(0.0005)
        ctypes.CDLL(LIBRARY).pj_log_set_level(0)
        self._endpoint = the_endpoint()
        self._endpoint.forget()
        try:
            self._endpoint.libCreate()
            self._endpoint.libInit(endpoint_config(self._settings))
            self._listen(address, port)
            self._endpoint.libStart()
            choose_codecs(self._endpoint, self._settings.codecs)
            self._make_account(address, port)
            put_gate(LIBRARY, self._refuses)
            self._packet_time = PacketTime(self._endpoint)
            show_sdp(LIBRARY, self._see)
            InfoDesk(LIBRARY, self._pressed)
        except pj.Error as error:
            raise StartError(f"{address}:{port}: SIP cannot start: {error.reason}.") from None
        self._pool = Pool(max_calls_compiled(), hush(self._settings.comfort_noise_db))
        for place in self._pool.ports:
            immortal(place)
        no_sound = ctypes.CDLL(LIBRARY).pjsua_set_no_snd_dev
        no_sound.restype = ctypes.c_void_p
        self.clock = Clock(LIBRARY, no_sound(), self._loop)
        self.clock.start()

    def poll(self) -> None:
        self._endpoint.poll(POLL_MS)
        if self._looks.due(now := time.monotonic()):
            self._hang_up_on_the_gone(now)

    def _hang_up_on_the_gone(self, now: float) -> None:
        for serial, call in list(self._calls.items()):
            if call.watchdog.gone(call.packets(), now):
                call.report(NoAudio(self._settings.rtp_timeout_s))
                self.hang_up(serial, 0, 0)

    def end_calls(self) -> None:
        """Hang up on everybody; their last callbacks come with later polls."""
        for serial in list(self._calls):
            self.hang_up(serial, 503, 0)

    def count(self) -> int:
        return len(self._calls)

    def stop(self) -> None:
        """The last command; pjsip is gone afterwards."""
        self.clock.stop()
        self._account.shutdown()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)

    def _listen(self, address: str, port: int) -> None:
        config = pj.TransportConfig()
        config.port = port
        config.boundAddress = "" if address == "0.0.0.0" else address
        self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, config)
        self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP, config)

    def _make_account(self, address: str, port: int) -> None:
        config = pj.AccountConfig()
        host = "localhost" if address == "0.0.0.0" else address
        self.host = f"{host}:{port}"
        config.idUri = f"sip:bot@{self.host}"
        media = config.mediaConfig.transportConfig
        ports = quiet_share(
            address, self._settings.rtp_port, self._settings.rtp_count, self._settings.life
        )
        self._address = address
        media.port = ports[0]
        media.portRange = len(ports) - 2  # to the last port that may be RTP's, inclusive
        media.randomizePort = True  # the first one: a share may be used again by the next bot
        media.boundAddress = "" if address == "0.0.0.0" else address
        allow(config.mediaConfig, self._settings.srtp)
        self._account = immortal(_Account(self._incoming))
        self._account.create(config, True)

    def _see(self, sdp: bytes) -> list[tuple[int, int]]:
        self._packet_time.follow(sdp)  # all but an INVITE becomes a stream at once
        return unusable(sdp)

    def _pressed(self, call_id: str, key: str) -> None:
        for call in self._calls.values():
            if call.getInfo().callIdString == call_id:
                call.report(Pressed(key, "info"))

    def _refuses(self, method: bytes) -> bool:
        """Asked for each request outside a dialog, before pjsua spends anything on it."""
        if method == b"INVITE":
            return self._begun.exceeded
        return method == b"OPTIONS" and self._draining()

    # ---- calls ---------------------------------------------------------------------------

    def _incoming(self, call_id: int, message: str, sender: str) -> None:
        """Ring at once, or refuse; a call without an owner would stay forever."""
        box = Mailbox(SILENCE)
        serial = next(self._serials)
        sink: list[Callable[[News], None]] = []
        call = self._adopt(
            serial,
            call_id,
            box,
            lambda news: sink[0](news) if sink else None,
            sender.rpartition(":")[0],
        )
        call.offer = message.encode()
        if self._draining():
            call.answer(refusal(503, RETRY_AFTER_S))
            return
        call.answer(status(180))
        sink.append(self._on_invite(Invite(serial, call.getInfo().callIdString, message, box)))

    def _adopt(
        self,
        serial: int,
        call_id: int,
        box: Mailbox,
        report: Callable[[News], None],
        sender: str = "",
    ) -> SipCall:
        self._begun.count()
        port = self._pool.take()
        port.mailbox = box

        def gone() -> None:
            self.clock.close(box)
            self._pool.give_back(port)
            self._calls.pop(serial, None)

        call = SipCall(self._account, call_id, port, report, gone)
        self._calls[serial] = call
        call.watchdog = Watchdog(self._settings.rtp_timeout_s)
        if not self._settings.rtp_from_anywhere:
            call.rtp_door = RtpDoor(self._address, sender)
        return call

    def answer(self, serial: int, box: Mailbox) -> None:
        """Raises LegError when the caller has gone or no codec fits."""
        call = self._calls.get(serial)
        if call is None:
            raise LegError("the caller has gone")
        try:
            self._packet_time.follow(call.offer)
            call.answer(status(200))
        except pj.Error as error:
            raise LegError(f"cannot answer: {error.reason}") from None
        if serial in self._calls:
            self.clock.open(box)

    def dial(
        self, uri: str, caller: str, box: Mailbox, report: Callable[[News], None]
    ) -> tuple[int, str]:
        """Serial and Call-ID of a new call. Raises LegError when it cannot even be tried."""
        if len(self._calls) >= min(self._settings.max_calls, max_calls_compiled()):
            raise LegError("all lines are busy")
        if self._begun.exceeded:
            raise LegError("too many calls at once")
        serial = next(self._serials)

        def heard(news: News) -> None:
            if isinstance(news, Confirmed):
                self.clock.open(box)
            report(news)

        call = self._adopt(serial, pj.PJSUA_INVALID_ID, box, heard)
        prm = pj.CallOpParam(True)
        prm.txOption.localUri = f"<sip:{caller}@{self.host}>"
        try:
            call.makeCall(uri, prm)
            return serial, str(call.getInfo().callIdString)
        except pj.Error as error:
            self._pool.give_back(call.port)
            self._calls.pop(serial, None)
            raise LegError(f"cannot dial {uri}: {error.reason}") from None

    def hang_up(self, serial: int, code: int, retry_after_s: int) -> None:
        """BYE, CANCEL, or `code` for a call not yet answered. Harmless when it has ended."""
        call = self._calls.get(serial)
        if call is not None:
            self._try(lambda: call.hangup(refusal(code, retry_after_s)))

    def send_digits(self, serial: int, digits: str) -> None:
        call = self._calls.get(serial)
        if call is not None:
            self._try(lambda: call.dialDtmf(digits))

    def refer(self, serial: int, target: str) -> None:
        """Raises LegError."""
        call = self._calls.get(serial)
        if call is None:
            raise LegError("the caller has gone")
        try:
            call.xfer(target, pj.CallOpParam(True))
        except pj.Error as error:
            raise LegError(f"cannot transfer: {error.reason}") from None

    @staticmethod
    def _try(command: Callable[[], None]) -> None:
        """For commands to a call that may be ending at this moment."""
        try:
            command()
        except pj.Error:
            return
