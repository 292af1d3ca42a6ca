"""Which requests nobody here serves, and what they are told (RFC 3261 section 8.2.1, 21.4).

pjsip itself answers most of these with 500 or 200, and one not at all. Pure: a request's text in,
an answer out. Nothing in here raises, whatever a caller sends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.legs.sip_message import headers_of

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, NOTIFY, REFER"
DTMF = ("application/dtmf-relay", "application/dtmf")
ACCEPT_INFO = ", ".join(DTMF)

WITHIN = frozenset({"BYE", "PRACK", "UPDATE"})  # mean nothing outside a dialog

_TAG = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_NO_PARAMETER = re.compile(r'"(?:[^"\\]|\\.)*"|<[^>]*>')  # display name, address
_AUDIO = re.compile(r"^m=audio[ \t]+(\S+)[^\r\n]*$", re.MULTILINE)
_RTPMAP = re.compile(r"^a=rtpmap:(\d+)[ \t]+([^/\s]+)", re.MULTILINE)
STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722"}  # RFC 3551: these need no rtpmap


@dataclass(frozen=True, slots=True)
class Told:
    """A response: `headers` are (name, value)."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


NOT_ALLOWED = Told(405, (("Allow", ALLOW),))
FORBIDDEN = Told(403)
NO_DIALOG = Told(481)
FINE = Told(200, (("Allow", ALLOW), ("Accept", "application/sdp")))
UNKNOWN_INFO = Told(415, (("Accept", ACCEPT_INFO),))
LEAST_SESSION_S = 90  # RFC 4028 section 4 allows no less
TOO_SHORT = Told(422, (("Min-SE", str(LEAST_SESSION_S)),))
NO_CODEC = Told(488)
BUSY = Told(503, (("Retry-After", "5"),))


def answer_to(
    message: str, codecs: Collection[str], referring: Collection[str], busy: bool
) -> Told | None:
    """What a request is told; None: pjsip goes on with it.

    `codecs` are those we speak, `referring` the Call-IDs that we sent a REFER in: news of it are
    wanted, and no other NOTIFY is. `busy`: we take no calls now, and say so to whoever asks.
    """
    method = message.split(" ", 1)[0]
    if method in ("ACK", "CANCEL"):
        return None
    headers = headers_of(message)
    within = _TAG.search(_NO_PARAMETER.sub("", headers.get("to", ""))) is not None
    if method in WITHIN and not within:
        return NO_DIALOG
    if method in ("INVITE", "UPDATE") and within:
        return NO_CODEC if _foreign(message, codecs) else None
    if method == "INVITE" and _too_short(headers):
        return TOO_SHORT
    if method == "INVITE" or method in WITHIN:
        return None
    if method == "REFER":
        return FORBIDDEN
    if method == "NOTIFY":
        return None if headers.get("call-id", "") in referring else NO_DIALOG
    if method == "OPTIONS":
        return FINE if within or not busy else BUSY
    if method == "INFO":
        return _info(headers.get("content-type", ""), message, within)
    return NOT_ALLOWED


def _too_short(headers: Mapping[str, str]) -> bool:
    """A session timer below the least (RFC 4028 section 9); pjsip would ring before it says so."""
    interval = headers.get("session-expires", "").partition(";")[0].strip()
    return re.fullmatch("[0-9]{1,9}", interval) is not None and int(interval) < LEAST_SESSION_S


def _info(kind: str, message: str, within: bool) -> Told | None:
    """Keys are pjsip's; an empty INFO asks whether we are there (RFC 6086 section 4.2.2)."""
    if not within:
        return NO_DIALOG
    if kind.partition(";")[0].strip().lower() in DTMF:
        return None
    return UNKNOWN_INFO if _body(message).strip() else FINE


def _foreign(message: str, codecs: Collection[str]) -> bool:
    """An offer of audio without one codec of ours; pjsip calls that an error of its own, 500."""
    body = _body(message).replace("\r\n", "\n")
    media = _AUDIO.search(body)
    if media is None:
        return False
    names = STATIC | {number: name.upper() for number, name in _RTPMAP.findall(body)}
    return media[1] != "0" and not any(
        names.get(kind, "") in codecs for kind in media[0].split()[3:]
    )


def _body(message: str) -> str:
    return message.replace("\r\n", "\n").partition("\n\n")[2]
