"""How pjsip is set up: its limits, its bridge, its jitter buffer, its codecs."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

import pjsua2 as pj

from bot.audio.frame import FRAME_MS
from bot.legs.bridge import BRIDGE_HZ
from bot.legs.sip_registration import Pauses
from bot.legs.sip_trunks import TrunkLogin

LIBRARY: str = pj._pjsua2.__file__  # the shared object that also exports pjsip's C functions
QUALITY = 10  # of the bridge's resampler; the default loses 3 dB at 3.1 kHz
CODEC_IDS = {"PCMU": "PCMU/8000", "PCMA": "PCMA/8000", "G722": "G722/16000"}
TOP_PRIORITY = 250

LEAST_SESSION_S = 90  # RFC 4028: nobody may want less

JITTER_FIRST_MS = 0  # playing starts with the first packet
JITTER_LEAST_MS = 20
JITTER_MOST_MS = 200
JITTER_KEPT_MS = 400


@dataclass(frozen=True, slots=True)
class SipSettings:
    """How a SIP endpoint is set up."""

    bind: str  # "address:port"; port 0 takes a free one
    codecs: Sequence[str] = ("PCMU", "PCMA", "G722")  # best first, all others are off
    max_calls: int = 4
    rtp_port: int = 4000  # first UDP port for RTP and RTCP
    rtp_count: int = 400
    comfort_noise_db: float = 0.0  # dBFS, instead of digital silence; 0: none
    dtmf_inband: str = "auto"  # or "on", "off": listen for the tones of keys
    srtp: str = "off"  # or "optional", "mandatory"
    rtp_from_anywhere: bool = False  # else from the address of the SDP only
    rtp_timeout_s: float = 30.0  # without a packet a call is hung up on; 0: never
    life: int = 0  # how often this worker was respawned; see sip_ports
    user_agent: str = "bot"
    session_expires_s: int = 1800  # RFC 4028; whoever cannot refresh a session in time has gone
    called_from: Sequence[str] = ("request-uri",)  # headers that may tell it, the first one first
    caller_from: Sequence[str] = ("p-asserted-identity", "remote-party-id", "from")
    region: str = ""  # country of numbers without a country code, "DE"; see bot.numbers.e164
    allow: Sequence[str] = ()  # networks; empty: everybody
    refuse: str = "silence"  # what others get, or "403"
    requests_per_s: int = 0  # of one address and port; 0: no limit
    public_address: str = ""  # host or IPv4 address that callers see
    stun: str = ""  # host:port
    trunks: Sequence[TrunkLogin] = ()
    pauses: Pauses = field(default_factory=Pauses)


def max_calls_compiled() -> int:
    """Calls one process can carry with this build of pjsip: 4 with the wheel."""
    return int(ctypes.CDLL(LIBRARY).pjsua_call_get_max_count())


def choose_codecs(endpoint: pj.Endpoint, names: Sequence[str]) -> None:
    """Those named, best first; all others are off."""
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 0)
    for rank, name in enumerate(names):
        endpoint.codecSetPriority(CODEC_IDS[name], TOP_PRIORITY - rank)


def set_dialogue(config: pj.AccountConfig, settings: SipSettings) -> None:
    """Session timers (RFC 4028) with everybody who knows them, in either role, and reliable
    provisional responses (RFC 3262) for who asks for them."""
    call = config.callConfig
    call.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
    call.timerSessExpiresSec = settings.session_expires_s
    call.timerMinSESec = LEAST_SESSION_S
    call.prackUse = pj.PJSUA_100REL_NOT_USED


def endpoint_config(settings: SipSettings) -> pj.EpConfig:
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.logConfig.msgLogging = 0
    config.uaConfig.userAgent = settings.user_agent
    config.uaConfig.maxCalls = min(settings.max_calls, max_calls_compiled())
    config.uaConfig.mwiUnsolicitedEnabled = False  # nobody here has a mailbox to hear of
    config.uaConfig.threadCnt = 0  # the SIP thread polls
    if settings.stun:
        config.uaConfig.stunServer.push_back(settings.stun)
    media = config.medConfig
    media.threadCnt = 1
    media.clockRate = media.sndClockRate = BRIDGE_HZ
    media.quality = QUALITY
    media.ptime = 0  # as the codec is set, see sip_ptime
    media.audioFramePtime = FRAME_MS
    media.noVad = True
    media.ecTailLen = media.ecOptions = 0
    media.sndAutoCloseTime = -1
    media.jbInit = JITTER_FIRST_MS
    media.jbMinPre = JITTER_LEAST_MS
    media.jbMaxPre = JITTER_MOST_MS
    media.jbMax = JITTER_KEPT_MS
    return config
