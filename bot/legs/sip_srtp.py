"""SRTP with keys in the SDP (SDES, RFC 4568): what is offered, accepted and refused.

Once SRTP is switched on this build of pjsip ends with a segmentation fault on an offer of keys by
DTLS (RFC 5763), wherever in a call it comes, and an offer that brings no key at all it refuses with
406 and only when it is answered. So the name of a profile we cannot take is written over before
pjsip looks: it does not know it, and answers 488 as to any other it does not know.
"""

from __future__ import annotations

import ctypes
import re

import pjsua2 as pj

from bot.legs.sip_gate import _Hook, _kept, _Module

USE = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "mandatory": pj.PJMEDIA_SRTP_MANDATORY,
}
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")  # all that RFC 4568 asks for
NAME = b"mod-bot-srtp"
BEFORE_ALL = 5  # pjsip's first own module is PJSIP_MOD_PRIORITY_TRANSPORT_LAYER, 8

_MEDIA = re.compile(rb"^m=\w+ \d+(?:/\d+)? ([^ \r\n]+)", re.MULTILINE)
_CRYPTO = re.compile(rb"^a=crypto:\d+ (\S+)", re.MULTILINE)


def allow(media: pj.AccountMediaConfig, mode: str) -> None:
    """Set an account to "off", "optional" or "mandatory"."""
    media.srtpUse = USE[mode]
    media.srtpSecureSignaling = 0  # whether SIP is encrypted is for whoever carries it to see to
    keyings = pj.IntVector()
    keyings.push_back(pj.PJMEDIA_SRTP_KEYING_SDES)
    media.srtpOpt.keyings = keyings
    suites = pj.SrtpCryptoVector()
    for name in SUITES:
        suite = pj.SrtpCrypto()
        suite.name = name
        suites.push_back(suite)
    media.srtpOpt.cryptos = suites


def unusable(sdp: bytes) -> list[tuple[int, int]]:
    """Begin and end of the names of profiles in `sdp` that we could not take."""
    found = []
    sections = list(_MEDIA.finditer(sdp))
    ends = [*(each.start() for each in sections[1:]), len(sdp)]
    for media, end in zip(sections, ends, strict=False):
        profile = media[1].upper()
        offered = _CRYPTO.findall(sdp[media.end() : end])
        keyed = any(suite.decode("ascii", "replace") in SUITES for suite in offered)
        if b"TLS/" in profile or (b"SAVP" in profile and not keyed):
            found.append(media.span(1))
    return found


class _SdpInfo(ctypes.Structure):
    """The beginning of `pjsip_rdata_sdp_info` of pjproject 2.15; `body` lies in the packet."""

    _fields_ = [("body", ctypes.c_void_p), ("length", ctypes.c_ssize_t)]


def hide_unusable(library: str) -> None:
    """On the SIP thread, pjsip being up; it lasts until libDestroy."""
    pjsip = ctypes.CDLL(library)
    pjsip.pjsip_rdata_get_sdp_info.restype = ctypes.POINTER(_SdpInfo)
    pjsip.pjsip_rdata_get_sdp_info.argtypes = [ctypes.c_void_p]
    pjsip.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
    pjsip.pjsip_endpt_register_module.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

    def on_message(rdata: int) -> int:
        info = pjsip.pjsip_rdata_get_sdp_info(rdata)
        if info and info.contents.body:
            sdp = info.contents
            for begin, end in unusable(ctypes.string_at(sdp.body, sdp.length)):
                ctypes.memset(sdp.body + begin, ord("x"), end - begin)
        return 0  # let the others have it

    hook = _Hook(on_message)
    module = _Module(
        name=NAME,
        name_length=len(NAME),
        id=-1,
        priority=BEFORE_ALL,
        on_rx_request=hook,
        on_rx_response=ctypes.cast(hook, ctypes.c_void_p),
    )
    _kept.extend((module, hook))
    pjsip.pjsip_endpt_register_module(pjsip.pjsua_get_pjsip_endpt(), ctypes.byref(module))
