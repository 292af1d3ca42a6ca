"""A `pj.Call` that turns pjsip's callbacks into news for its leg.

The SIP thread's table holds the only reference to it, and loses it in the DISCONNECTED
callback: a call kept longer hangs up whoever gets its slot next. Everybody else knows a call
by a number that is never used twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeAlias

import pjsua2 as pj
import structlog

from bot.legs.bridge import BridgePort
from bot.legs.sip_manners import Manners
from bot.legs.sip_message import headers_of
from bot.legs.sip_offers import holds_by_address, receiving_only, speaks
from bot.legs.sip_rtp_door import RtpDoor
from bot.legs.sip_watchdog import Watchdog

FORBIDDEN = 403
NOT_ACCEPTABLE = 488

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The call is up: ACK was received or sent."""


@dataclass(frozen=True, slots=True)
class MediaUp:
    """A stream was made, or made anew."""

    codec: str  # "PCMU", "PCMA", "G722"
    codec_hz: int
    events: bool = True  # keys go as RTP events (RFC 4733)


@dataclass(frozen=True, slots=True)
class Held:
    on: bool  # the far side put us on hold


@dataclass(frozen=True, slots=True)
class Pressed:
    digit: str
    method: str  # "rfc4733" or "info"


@dataclass(frozen=True, slots=True)
class StreamEnded:
    rtp_received: int
    rtp_lost: int


@dataclass(frozen=True, slots=True)
class NoAudio:
    """Nothing came for so long that we hang up."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Transferred:
    code: int  # SIP status of the REFER or of what it led to
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    code: int
    reason: str


News: TypeAlias = (
    Confirmed | MediaUp | Held | Pressed | StreamEnded | NoAudio | Transferred | Disconnected
)


_kept: list[object] = []


def immortal(thing: Any) -> Any:
    """`thing`, whose C++ half is never freed: after libDestroy that would crash the process."""
    thing.thisown = False
    _kept.append(thing)
    return thing


def guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """An exception that left a callback would go through C and end the process."""

    @wraps(callback)
    def run(*args: Any) -> None:
        try:
            callback(*args)
        except Exception as error:  # noqa: BLE001  # outermost frame under C
            log.error("sip callback failed", callback=callback.__name__, kind=type(error).__name__)

    return run


class SipCall(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """`report` takes news, `gone` forgets the call; both on the SIP thread."""

    def __init__(
        self,
        account: pj.Account,
        call_id: int,
        port: BridgePort,
        report: Callable[[News], None],
        gone: Callable[[], None],
        manners: Manners,
    ) -> None:
        super().__init__(account, call_id)
        self.port = port
        self.confirmed = False
        self.session = 0  # see sip_session; of a call that came in
        self.sender = ""  # "address:port" of its INVITE
        self.transaction: tuple[str, ...] = ()  # the INVITE's, see sip_message
        self.manners = manners
        self.referred = False  # a REFER of ours has left
        self._report = report
        self._gone = gone
        self.offer = b""  # the INVITE, when we were called
        self.watchdog = Watchdog(0)
        self.rtp_door: RtpDoor | None = None
        self._held = False
        self._heard_from = pj.PJSUA_INVALID_ID  # the stream packets are expected on

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.confirmed = True
            self._report(Confirmed())
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._report(Disconnected(int(info.lastStatusCode), str(info.lastReason)))
            self._gone()

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        """A hold makes the stream anew in another bridge slot: connect it each time."""
        info = self.getInfo()  # `media` points into it
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                self._connect(index, media.audioConfSlot)
            held = media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
            both = media.dir == pj.PJMEDIA_DIR_ENCODING_DECODING
            self._heard_from = index if both and not held else pj.PJSUA_INVALID_ID
            if held != self._held:
                self._held = held
                self._report(Held(held))
            return

    @guarded
    def onStreamPreCreate(self, prm: pj.OnStreamPreCreateParam) -> None:
        """Before the first packet can be heard on it."""
        if self.rtp_door is None:
            return
        remote = str(prm.streamInfo.remoteRtpAddress)
        local = str(self.getMedTransportInfo(prm.streamIdx).localRtpName)
        self.rtp_door.open_to(remote.rpartition(":")[0], int(local.rpartition(":")[2]))

    def _connect(self, index: int, slot: int) -> None:
        if slot == pj.PJSUA_INVALID_ID:
            return
        audio = self.getAudioMedia(index)
        audio.startTransmit(self.port)
        self.port.startTransmit(audio)
        stream = self.getStreamInfo(index)
        events = int(stream.audTxEventPt) >= 0
        self._report(MediaUp(str(stream.codecName), int(stream.codecClockRate), events))

    def report(self, news: News) -> None:
        self._report(news)

    def packets(self) -> int | None:
        """RTP and RTCP reports that came on this stream; None while none are expected."""
        if not self.confirmed or self._heard_from == pj.PJSUA_INVALID_ID:
            return None
        try:
            counters = self.getStreamStat(self._heard_from).rtcp
        except pj.Error:  # between two streams
            return None
        return int(counters.rxStat.pkt) + int(counters.txStat.updateCount)

    @guarded
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        """A request within the call: some pjsua would answer with 500."""
        event = prm.e.body.tsxState
        if event.type != pj.PJSIP_EVENT_RX_MSG or event.tsx.role != pj.PJSIP_ROLE_UAS:
            return
        method, rdata = str(event.tsx.method), event.src.rdata
        if event.tsx.state != pj.PJSIP_TSX_STATE_TRYING:
            return
        if method == "NOTIFY" and self.referred:  # the outcome of a transfer
            return
        self.manners.answer(int(rdata.pjRxData), method, headers_of(str(rdata.wholeMsg)))

    @guarded
    def onCallRxReinvite(self, prm: pj.OnCallRxReinviteParam) -> None:
        """An offer in mid-call that has no codec of ours: pjsip would answer 500."""
        if not speaks(str(prm.offer.wholeSdp), self.manners.codecs):
            prm.statusCode = NOT_ACCEPTABLE

    @guarded
    def onCallRxOffer(self, prm: pj.OnCallRxOfferParam) -> None:
        """The same by UPDATE."""
        if not speaks(str(prm.offer.wholeSdp), self.manners.codecs):
            prm.statusCode = NOT_ACCEPTABLE

    @guarded
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:
        if holds_by_address(str(prm.remSdp.wholeSdp)):
            prm.sdp.wholeSdp = receiving_only(str(prm.sdp.wholeSdp))

    @guarded
    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        info = prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO
        self._report(Pressed(str(prm.digit).upper(), "info" if info else "rfc4733"))

    @guarded
    def onStreamDestroyed(self, prm: pj.OnStreamDestroyedParam) -> None:
        """The last moment its counters can be read; each hold starts them anew."""
        stat = self.getStreamStat(prm.streamIdx)  # what follows points into it
        received = stat.rtcp.rxStat
        self._report(StreamEnded(int(received.pkt), int(received.loss)))

    @guarded
    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        self._report(Transferred(int(prm.statusCode), str(prm.reason), bool(prm.finalNotify)))
        prm.cont = not prm.finalNotify

    @guarded
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        """Nobody makes the bot dial: pjsip would follow a REFER by itself."""
        prm.statusCode = FORBIDDEN

    @guarded
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        """Nor take over a call of somebody else's."""
        prm.statusCode = FORBIDDEN

    def onCallRedirected(self, prm: pj.OnCallRedirectedParam) -> int:
        """Calls of ours go where they were dialled: a 3xx is a refusal, and told as one."""
        return int(pj.PJSIP_REDIRECT_REJECT)
