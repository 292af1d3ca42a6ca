"""pjsip's life and the table of its calls. Used on the SIP thread only."""

from __future__ import annotations

import ctypes
import itertools
import sys
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import pjsua2 as pj
import structlog

from bot.errors import LegError, StartError
from bot.legs.bridge import SILENCE, Pool, hush
from bot.legs.mailbox import Mailbox
from bot.legs.sip_call import Confirmed, News, NoAudio, Pressed, SipCall, immortal
from bot.legs.sip_clock import Clock
from bot.legs.sip_door import Door
from bot.legs.sip_equipment import Equipment
from bot.legs.sip_filter import KernelFilter
from bot.legs.sip_flood import Blocked, Floods
from bot.legs.sip_gate import PASS, Gate
from bot.legs.sip_info import InfoDesk
from bot.legs.sip_manners import Manners
from bot.legs.sip_message import cut_off, headers_of, user_of
from bot.legs.sip_ptime import PacketTime
from bot.legs.sip_refer import hand_over
from bot.legs.sip_replies import refusal, status
from bot.legs.sip_rtp_door import RtpDoor
from bot.legs.sip_sdp import show_sdp
from bot.legs.sip_session import session_of, terminate
from bot.legs.sip_setup import (
    LIBRARY,
    SipSettings,
    choose_codecs,
    endpoint_config,
    max_calls_compiled,
)
from bot.legs.sip_sockets import CALLS_AT_ONCE, BoundedEndpoint, Rate
from bot.legs.sip_sources import Sources
from bot.legs.sip_srtp import unusable
from bot.legs.sip_trunks import Account, TrunkLine, Trunks
from bot.legs.sip_watchdog import Looks, Watchdog
from bot.trunk_settings import Trunk

POLL_MS = 10
RETRY_AFTER_S = 5
log = structlog.get_logger(__name__)


@cache
def the_endpoint() -> BoundedEndpoint:
    """pjsua2's singleton; making it a second time ends the process."""
    endpoint = BoundedEndpoint()
    immortal(endpoint)
    return endpoint


@dataclass(frozen=True, slots=True)
class Invite:
    """An INVITE as it came."""

    serial: int
    call_id: str
    message: str  # the whole request
    box: Mailbox
    trunk: Trunk | None = None  # by which it came


class SipStack:
    """`on_invite` is told of every INVITE that may be answered and says where its news go;
    `draining` is asked first. `look_up` is told that servers of trunks are to be heard which are
    not yet: see `hear`."""

    def __init__(
        self,
        settings: SipSettings,
        loop: AbstractEventLoop,
        on_invite: Callable[[Invite], Callable[[News], None]],
        draining: Callable[[], bool],
        look_up: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._on_invite = on_invite
        self._draining = draining
        self._serials = itertools.count(1)
        self._calls: dict[int, SipCall] = {}
        self._turned_away: list[tuple[int, int, int]] = []  # serial, status, Retry-After
        self._looks = Looks()
        self.dtmf_inband = settings.dtmf_inband  # for its legs
        self._begun = Rate(CALLS_AT_ONCE)
        self._sources = Sources(
            settings.allow, {each.trunk.name: each.trunk.networks for each in settings.trunks}
        )
        self.trunks = Trunks(
            TrunkLine(each, settings.pauses, self._equip, self._invited, look_up)
            for each in settings.trunks
        )

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
            self._put_gate(address, port)
            self._make_account(address, port)
            self.trunks.create()
            self._endpoint.account_of = self._account_of
            self._manners = Manners(LIBRARY, self._settings.codecs)
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

    def hear(self, trunk: str, servers: Sequence[str], addresses: frozenset[str]) -> None:
        """Let packets of a trunk's `servers`, which are at `addresses`, come in."""
        self.door.servers(trunk, addresses)  # the next poll tells the kernel, then it registers
        self.trunks.hear(trunk, servers)

    def poll(self) -> None:
        self._endpoint.poll(POLL_MS)
        # within its callback a final answer to an INVITE without SDP ends the process
        while self._turned_away:
            self.hang_up(*self._turned_away.pop())
        for flooder in self.door.poll():
            self._drop_junk_of(flooder)
        self.trunks.poll()
        if self._looks.due(now := time.monotonic()):
            self._hang_up_on_the_gone(now)

    def _hang_up_on_the_gone(self, now: float) -> None:
        for serial, call in list(self._calls.items()):
            if call.watchdog.gone(call.packets(), now):
                call.report(NoAudio(self._settings.rtp_timeout_s))
                self.hang_up(serial, 0, 0)

    def _drop_junk_of(self, flooder: Blocked) -> None:
        """Its calls that nobody confirmed: they would hold all lines for a minute."""
        for call in list(self._calls.values()):
            address, _, port = call.sender.rpartition(":")
            if call.confirmed or not call.session or address != flooder.address:
                continue
            if flooder.port in (0, int(port)):
                terminate(LIBRARY, call.session)

    def end_calls(self) -> None:
        """Hang up on everybody; their last callbacks come with later polls."""
        for serial in list(self._calls):
            self.hang_up(serial, 503, 0)

    def count(self) -> int:
        return len(self._calls)

    def stop(self) -> None:
        """The last command; pjsip is gone afterwards."""
        self.clock.stop()
        for line in (self._account, *self.trunks.accounts()):
            line.shutdown()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)

    def _listen(self, address: str, port: int) -> None:
        config = pj.TransportConfig()
        config.port = port
        config.boundAddress = "" if address == "0.0.0.0" else address
        config.publicAddress = self._settings.public_address
        self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, config)
        self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP, config)

    def _put_gate(self, address: str, port: int) -> None:
        """Without a sender in sight only the kernel keeps strangers out, in silence."""
        gate = Gate(LIBRARY)
        seen = gate.layout_holds(address, port, self._endpoint.poll)
        if not seen:
            log.warning("senders cannot be told apart: no limit of requests, no 403")
        silence = self._settings.refuse == "silence" or not seen
        floods = Floods(self._settings.requests_per_s)
        self.door = Door(self._sources, floods, KernelFilter(address, port), silence=silence)
        gate.put_door(self.door.verdict if seen else lambda *_: PASS)
        gate.put_gate(self._refuses)

    def _make_account(self, address: str, port: int) -> None:
        config = pj.AccountConfig()
        host = "localhost" if address == "0.0.0.0" else address
        self.host = f"{host}:{port}"
        config.idUri = f"sip:bot@{self.host}"
        self._address = address
        self._equipment = Equipment(self._settings, address, port)
        self._equip(config, None, "")
        self._account = immortal(Account(self._invited))
        self._account.create(config, True)

    def _equip(self, config: pj.AccountConfig, trunk: Trunk | None, transport: str) -> None:
        self._equipment.give(config, trunk, transport)

    def _see(self, sdp: bytes) -> list[tuple[int, int]]:
        self._packet_time.follow(sdp)  # all but an INVITE becomes a stream at once
        return unusable(sdp)

    def _pressed(self, call_id: str, key: str) -> None:
        for call in self._calls.values():
            if call.getInfo().callIdString == call_id:
                call.report(Pressed(key, "info"))

    def _refuses(self, method: str) -> bool:
        """Asked for each request outside a dialog, before pjsua spends anything on it."""
        if method == "INVITE":
            return self._begun.exceeded
        return method == "OPTIONS" and (self._draining() or self.clock.sick)

    # ---- calls ---------------------------------------------------------------------------

    def _invited(self, account: pj.Account, prm: pj.OnIncomingCallParam) -> None:
        """Ring at once, or refuse; a call without an owner would stay forever."""
        message, sender = str(prm.rdata.wholeMsg), str(prm.rdata.srcAddress)
        box = Mailbox(SILENCE)
        serial = next(self._serials)
        sink: list[Callable[[News], None]] = []
        call = self._adopt(
            serial,
            account,
            int(prm.callId),
            box,
            lambda news: sink[0](news) if sink else None,
            sender,
        )
        call.session = session_of(LIBRARY, int(prm.rdata.pjRxData))
        call.offer = message.encode()
        if self._draining() or cut_off(message):
            code, retry = (503, RETRY_AFTER_S) if self._draining() else (513, 0)
            self._turned_away.append((serial, code, retry))
            return
        call.answer(status(180))
        trunk = self._trunk_of(sender, message)
        invite = Invite(serial, call.getInfo().callIdString, message, box, trunk)
        sink.append(self._on_invite(invite))

    def _trunk_of(self, sender: str, message: str) -> Trunk | None:
        """By which a request of `sender`, address:port, has come."""
        names = self._sources.trunks(sender.rpartition(":")[0])
        return self.trunks.of_call(names, user_of(headers_of(message).get("request-uri", "")))

    def _account_of(self, sender: str, message: str) -> int | None:
        trunk = self._trunk_of(sender, message)
        return int(self.trunks.named(trunk.name).account.getId()) if trunk else None

    def _adopt(
        self,
        serial: int,
        account: pj.Account,
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

        call = SipCall(account, call_id, port, report, gone, self._manners)
        self._calls[serial] = call
        call.sender = sender
        call.watchdog = Watchdog(self._settings.rtp_timeout_s)
        if not self._settings.rtp_from_anywhere:
            call.rtp_door = RtpDoor(self._address, sender.rpartition(":")[0])
        return call

    def answer(self, serial: int, box: Mailbox) -> None:
        """Raises LegError when the caller has gone or no codec fits."""
        self._answer(serial, box, 200)

    def early(self, serial: int, box: Mailbox) -> None:
        """Media before the answer (RFC 3960). Raises as `answer`."""
        self._answer(serial, box, 183)

    def _answer(self, serial: int, box: Mailbox, code: int) -> None:
        call = self._calls.get(serial)
        if call is None:
            raise LegError("the caller has gone")
        try:
            self._packet_time.follow(call.offer)
            call.answer(status(code))
        except pj.Error as error:
            raise LegError(f"cannot answer: {error.reason}") from None
        if serial in self._calls:
            self.clock.open(box)

    def dial(
        self, uri: str, caller: str, box: Mailbox, report: Callable[[News], None]
    ) -> tuple[int, str]:
        """Serial and Call-ID of a new call. Raises LegError when it cannot even be tried."""
        return self._dial(self._account, uri, f"<sip:{caller}@{self.host}>", box, report)

    def dial_by(
        self, trunk: str, uri: str, caller: str, box: Mailbox, report: Callable[[News], None]
    ) -> tuple[int, str]:
        """The same through a trunk; `caller` "" is the trunk's own caller id."""
        line = self.trunks.named(trunk)
        from_, headers = line.caller(caller)
        return self._dial(line.account, uri, from_, box, report, headers)

    def _dial(
        self,
        account: pj.Account,
        uri: str,
        from_: str,
        box: Mailbox,
        report: Callable[[News], None],
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, str]:
        if len(self._calls) >= min(self._settings.max_calls, max_calls_compiled()):
            raise LegError("all lines are busy")
        if self._begun.exceeded:
            raise LegError("too many calls at once")
        serial = next(self._serials)

        def heard(news: News) -> None:
            if isinstance(news, Confirmed):
                self.clock.open(box)
            report(news)

        call = self._adopt(serial, account, pj.PJSUA_INVALID_ID, box, heard)
        prm = pj.CallOpParam(True)
        prm.txOption.localUri = from_
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            prm.txOption.headers.push_back(header)
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

    def refuse(self, serial: int, code: int, retry_after_s: int, reason: str, contact: str) -> None:
        """`code` with its reason phrase, a 3xx with where to call instead."""
        call = self._calls.get(serial)
        if call is not None:
            self._try(lambda: call.hangup(refusal(code, retry_after_s, reason, contact)))

    def send_digits(self, serial: int, digits: str) -> None:
        call = self._calls.get(serial)
        if call is not None:
            self._try(lambda: call.dialDtmf(digits))

    def refer(self, serial: int, target: str | int) -> None:
        """To an address, or to the party of another call, by its serial. Raises LegError."""
        to = target if isinstance(target, str) else self._calls.get(target)
        hand_over(self._calls.get(serial), to)

    @staticmethod
    def _try(command: Callable[[], None]) -> None:
        """For commands to a call that may be ending at this moment."""
        try:
            command()
        except pj.Error:
            return
