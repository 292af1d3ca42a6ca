"""The calls that live, and what is done to them. Used on the SIP thread only."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pjsua2 as pj

from bot.errors import LegError
from bot.legs.bridge import Pool, hush
from bot.legs.mailbox import Mailbox
from bot.legs.sip_call import Confirmed, News, NoAudio, Pressed, SipCall, immortal
from bot.legs.sip_clock import Clock
from bot.legs.sip_flood import Blocked
from bot.legs.sip_manners import Manners
from bot.legs.sip_ptime import PacketTime
from bot.legs.sip_refer import hand_over
from bot.legs.sip_replies import header, refusal, status
from bot.legs.sip_rtp_door import RtpDoor
from bot.legs.sip_session import terminate
from bot.legs.sip_setup import LIBRARY, SipSettings, max_calls_compiled
from bot.legs.sip_sockets import Rate
from bot.legs.sip_trunks import address_in
from bot.legs.sip_watchdog import Looks, Watchdog
from bot.trunk_settings import host_port

RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Arrived:
    """An INVITE that pjsip made a call of."""

    call_id: int  # pjsip's, given to the next call when this one is over
    sender: str  # "address:port"
    message: str  # the whole request
    transaction: tuple[str, ...]  # see sip_message
    session: int  # see sip_session


class Calls:
    """Each by a serial that is never used twice. `begun` counts those that come and go."""

    def __init__(
        self,
        settings: SipSettings,
        address: str,
        clock: Clock,
        manners: Manners,
        packet_time: PacketTime,
        begun: Rate,
    ) -> None:
        self.clock = clock
        self.dtmf_inband = settings.dtmf_inband  # for their legs
        self._settings = settings
        self._address = address
        self._manners = manners
        self._packet_time = packet_time
        self._begun = begun
        self._serials = itertools.count(1)
        self._calls: dict[int, SipCall] = {}
        self._looks = Looks()
        self._pool = Pool(max_calls_compiled(), hush(settings.comfort_noise_db))
        for place in self._pool.ports:
            immortal(place)

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, serial: int) -> SipCall:
        return self._calls[serial]

    # ---- they begin ------------------------------------------------------------------------

    def take(
        self, account: pj.Account, arrived: Arrived, box: Mailbox, report: Callable[[News], None]
    ) -> int:
        """The serial of a call that came in."""
        serial = next(self._serials)
        address = arrived.sender.rpartition(":")[0]
        call = self._adopt(serial, account, arrived.call_id, box, report, address)
        call.sender = arrived.sender
        call.session = arrived.session
        call.transaction = arrived.transaction
        call.offer = arrived.message.encode()
        return serial

    def has(self, transaction: tuple[str, ...]) -> bool:
        """Has this INVITE come already, by another way?"""
        return any(call.transaction == transaction for call in self._calls.values())

    def ring(self, serial: int) -> str:
        """180; the Call-ID."""
        call = self._calls[serial]
        call.answer(status(180))
        return str(call.getInfo().callIdString)

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
        self,
        account: pj.Account,
        uri: str,
        from_: str,
        box: Mailbox,
        report: Callable[[News], None],
        headers: Mapping[str, str] = MappingProxyType({}),
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

        host, _ = host_port(address_in(uri))
        call = self._adopt(serial, account, pj.PJSUA_INVALID_ID, box, heard, host)
        prm = pj.CallOpParam(True)
        prm.txOption.localUri = from_
        for name, value in headers.items():
            prm.txOption.headers.push_back(header(name, value))
        try:
            call.makeCall(uri, prm)
            return serial, str(call.getInfo().callIdString)
        except pj.Error as error:
            self._pool.give_back(call.port)
            self._calls.pop(serial, None)
            raise LegError(f"cannot dial {uri}: {error.reason}") from None

    def _adopt(
        self,
        serial: int,
        account: pj.Account,
        call_id: int,
        box: Mailbox,
        report: Callable[[News], None],
        signalling: str,
    ) -> SipCall:
        """`signalling`: the host that its SIP comes from."""
        self._begun.count()
        port = self._pool.take()
        port.mailbox = box

        def gone() -> None:
            self.clock.close(box)
            self._pool.give_back(port)
            self._calls.pop(serial, None)

        call = SipCall(account, call_id, port, report, gone, self._manners)
        self._calls[serial] = call
        call.watchdog = Watchdog(self._settings.rtp_timeout_s)
        if not self._settings.rtp_from_anywhere:
            call.rtp_door = RtpDoor(self._address, signalling)
        return call

    # ---- they go on ------------------------------------------------------------------------

    def pressed(self, call_id: str, key: str) -> None:
        for call in self._calls.values():
            if call.getInfo().callIdString == call_id:
                call.report(Pressed(key, "info"))

    def send_digits(self, serial: int, digits: str) -> None:
        call = self._calls.get(serial)
        if call is not None:
            self._try(lambda: call.dialDtmf(digits))

    def refer(self, serial: int, target: str | int) -> None:
        """To an address, or to the party of another call, by its serial. Raises LegError."""
        to = target if isinstance(target, str) else self._calls.get(target)
        hand_over(self._calls.get(serial), to)

    # ---- they end --------------------------------------------------------------------------

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

    def end_all(self) -> None:
        """Hang up on everybody; their last callbacks come with later polls."""
        for serial in list(self._calls):
            self.hang_up(serial, 503, 0)

    def look(self) -> None:
        """Hang up on those from whom nothing has come for too long."""
        if not self._looks.due(now := time.monotonic()):
            return
        for serial, call in list(self._calls.items()):
            if call.watchdog.gone(call.packets(), now):
                call.report(NoAudio(self._settings.rtp_timeout_s))
                self.hang_up(serial, 0, 0)

    def drop_junk_of(self, flooder: Blocked) -> None:
        """Its calls that nobody confirmed: they would hold all lines for a minute."""
        for call in list(self._calls.values()):
            address, _, port = call.sender.rpartition(":")
            if call.confirmed or not call.session or address != flooder.address:
                continue
            if flooder.port in (0, int(port)):
                terminate(LIBRARY, call.session)

    @staticmethod
    def _try(command: Callable[[], None]) -> None:
        """For commands to a call that may be ending at this moment."""
        try:
            command()
        except pj.Error:
            return
