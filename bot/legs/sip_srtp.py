"""SRTP with keys in the SDP (SDES, RFC 4568): what is offered, accepted and refused.

Once SRTP is switched on this build of pjsip ends with a segmentation fault on an offer of keys by
DTLS (RFC 5763), wherever in a call it comes, and an offer that brings no key at all it refuses with
406 and only when it is answered. So the name of a profile we cannot take is written over before
pjsip looks: it does not know it, and answers 488 as to any other it does not know.
"""

from __future__ import annotations

import re

import pjsua2 as pj

from bot.legs.sip_sdp import sections

USE = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "mandatory": pj.PJMEDIA_SRTP_MANDATORY,
}
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")  # all that RFC 4568 asks for

_MEDIA = re.compile(rb"m=\S+[ \t]+\S+[ \t]+(\S+)")
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
    for begin, end in sections(sdp):
        media = _MEDIA.match(sdp, begin, end)
        if media is None:
            continue
        profile = media[1].upper()
        offered = _CRYPTO.findall(sdp, media.end(), end)
        keyed = any(suite.decode("ascii", "replace") in SUITES for suite in offered)
        if b"TLS/" in profile or (b"SAVP" in profile and not keyed):
            found.append(media.span(1))
    return found
