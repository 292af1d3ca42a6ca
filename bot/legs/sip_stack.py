"""pjsip's life, and who may call. Used on the SIP thread only."""

from __future__ import annotations

import ctypes
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pjsua2 as pj
import structlog

from bot.errors import StartError
from bot.legs.bridge import SILENCE
from bot.legs.mailbox import Mailbox
from bot.legs.sip_call import News, immortal
from bot.legs.sip_calls import RETRY_AFTER_S, Arrived, Calls
from bot.legs.sip_clock import Clock
from bot.legs.sip_door import Door
from bot.legs.sip_equipment import Equipment
from bot.legs.sip_filter import KernelFilter
from bot.legs.sip_flood import Floods
from bot.legs.sip_gate import PASS, Gate
from bot.legs.sip_identity import OWN_USER
from bot.legs.sip_info import InfoDesk
from bot.legs.sip_manners import Manners
from bot.legs.sip_message import cut_off, headers_of, timer_too_short, transaction_of, user_of
from bot.legs.sip_ptime import PacketTime
from bot.legs.sip_repair import Repair
from bot.legs.sip_sdp import show_sdp
from bot.legs.sip_session import session_of
from bot.legs.sip_setup import LIBRARY, SipSettings, choose_codecs, endpoint_config
from bot.legs.sip_sockets import CALLS_AT_ONCE, BoundedEndpoint, Rate
from bot.legs.sip_sources import Sources
from bot.legs.sip_srtp import unusable
from bot.legs.sip_trunks import Account, TrunkLine, Trunks
from bot.trunk_settings import Trunk

POLL_MS = 10
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
        self._turned_away: list[tuple[int, int, int]] = []  # serial, status, Retry-After
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
            manners = Manners(LIBRARY, self._settings.codecs)
            self._packet_time = PacketTime(self._endpoint)
            show_sdp(LIBRARY, self._see)
        except pj.Error as error:
            raise StartError(f"{address}:{port}: SIP cannot start: {error.reason}.") from None
        no_sound = ctypes.CDLL(LIBRARY).pjsua_set_no_snd_dev
        no_sound.restype = ctypes.c_void_p
        self.clock = Clock(LIBRARY, no_sound(), self._loop)
        self.calls = Calls(
            self._settings, address, self.clock, manners, self._packet_time, self._begun
        )
        InfoDesk(LIBRARY, self.calls.pressed)
        Repair(LIBRARY)
        self.clock.start()

    def hear(self, trunk: str, servers: Sequence[str], addresses: frozenset[str]) -> None:
        """Let packets of a trunk's `servers`, which are at `addresses`, come in."""
        self.door.servers(trunk, addresses)  # the next poll tells the kernel, then it registers
        self.trunks.hear(trunk, servers)

    def poll(self) -> None:
        self._endpoint.poll(POLL_MS)
        # within its callback a final answer to an INVITE without SDP ends the process
        while self._turned_away:
            self.calls.hang_up(*self._turned_away.pop())
        for flooder in self.door.poll():
            self.calls.drop_junk_of(flooder)
        self.trunks.poll()
        self.calls.look()

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
        self._equipment = Equipment(self._settings, address, port)
        self._equip(config, None, "")
        self._account = immortal(Account(self._invited))
        self._account.create(config, True)

    def _equip(self, config: pj.AccountConfig, trunk: Trunk | None, transport: str) -> None:
        self._equipment.give(config, trunk, transport)

    def _see(self, sdp: bytes) -> list[tuple[int, int]]:
        self._packet_time.follow(sdp)  # all but an INVITE becomes a stream at once
        return unusable(sdp)

    def _refuses(self, method: str) -> bool:
        """Asked for each request outside a dialog, before pjsua spends anything on it."""
        if method == "INVITE":
            return self._begun.exceeded
        return method == "OPTIONS" and (self._draining() or self.clock.sick)

    # ---- calls ---------------------------------------------------------------------------

    def _invited(self, account: pj.Account, prm: pj.OnIncomingCallParam) -> None:
        """Ring at once, or refuse; a call without an owner would stay forever."""
        message, sender = str(prm.rdata.wholeMsg), str(prm.rdata.srcAddress)
        headers = headers_of(message)
        transaction = transaction_of(headers)
        code = self._unwelcome(message, headers, transaction)
        box = Mailbox(SILENCE)
        sink: list[Callable[[News], None]] = []
        session = session_of(LIBRARY, int(prm.rdata.pjRxData))
        arrived = Arrived(int(prm.callId), sender, message, transaction, session)
        serial = self.calls.take(
            account, arrived, box, lambda news: sink[0](news) if sink else None
        )
        if code:
            self._turned_away.append((serial, code, RETRY_AFTER_S if code == 503 else 0))
            return
        trunk = self._trunk_of(sender, headers)
        invite = Invite(serial, self.calls.ring(serial), message, box, trunk)
        sink.append(self._on_invite(invite))

    def _unwelcome(
        self, message: str, headers: Mapping[str, str], transaction: tuple[str, ...]
    ) -> int:
        """The status of an INVITE that nobody is to hear of, 0 for one that is welcome."""
        if self._draining():
            return 503
        if cut_off(message):
            return 513
        if self.calls.has(transaction):
            return 482
        return 422 if timer_too_short(headers) else 0

    def _trunk_of(self, sender: str, headers: Mapping[str, str]) -> Trunk | None:
        """By which a request of `sender`, address:port, has come."""
        names = self._sources.trunks(sender.rpartition(":")[0])
        return self.trunks.of_call(names, user_of(headers.get("request-uri", "")))

    def _account_of(self, sender: str, message: str) -> int | None:
        trunk = self._trunk_of(sender, headers_of(message))
        return int(self.trunks.named(trunk.name).account.getId()) if trunk else None

    def dial(
        self, uri: str, caller: str, box: Mailbox, report: Callable[[News], None]
    ) -> tuple[int, str]:
        """Serial and Call-ID of a new call: to a carrier of ours by its trunk, as it would ask who
        we are. Raises LegError when it cannot even be tried."""
        line = self.trunks.reaching(uri)
        if line is not None:
            known = "" if caller == OWN_USER else caller
            return self.dial_by(line.trunk.name, uri, known, box, report)
        return self.calls.dial(self._account, uri, f"<sip:{caller}@{self.host}>", box, report)

    def dial_by(
        self, trunk: str, uri: str, caller: str, box: Mailbox, report: Callable[[News], None]
    ) -> tuple[int, str]:
        """The same through a trunk; `caller` "" is the trunk's own caller id."""
        line = self.trunks.named(trunk)
        from_, headers = line.caller(caller)
        return self.calls.dial(line.account, uri, from_, box, report, headers)
