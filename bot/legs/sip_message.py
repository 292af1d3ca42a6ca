"""Reading what pjsip hands over as text: a request's headers and the user part of its URIs.

Written for hostile input: nothing in here raises, whatever a caller sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.parser import HeaderParser
from urllib.parse import unquote

COMPACT = {
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
"""RFC 3261 section 7.3.3 and its extensions: one letter → the name it stands for."""

MIN_SE_S = 90  # the least RFC 4028 allows, and what pjsip puts in Min-SE
MOST_NAME = 80  # characters; longer ones are no names
WITHHELD = frozenset({"", "anonymous", "restricted", "unavailable", "unknown"})

_BLANKS = re.compile(r"^([^\s:]+)[ \t]+:", re.MULTILINE)  # RFC 3261 7.3.1 has them
_NAME = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*<')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)', re.DOTALL)  # one never closed goes to the end
_TAG = re.compile(r";\s*tag\s*=\s*([^;>\s]{1,200})[^>]{0,500}\Z", re.IGNORECASE)
# Bounded, as nobody's number is longer: "sip:sip:sip:…" would be read on to its end each time.
_USER = re.compile(
    r"(?:sips?:([^@;?>\s]{0,200}+)(?:;[^@>\s]{0,200}+)?@|tel:([^;?>\s]*))", re.IGNORECASE
)


def headers_of(message: str) -> dict[str, str]:
    """A request's headers by lower-case full name, its target under `request-uri`.

    Folded lines are joined; a header that occurs several times is joined by ", ", in order.
    """
    start, _, rest = message.replace("\r\n", "\n").partition("\n")
    head = _BLANKS.sub(r"\1:", rest.partition("\n\n")[0])
    found: dict[str, str] = {}
    words = start.split(" ")
    if len(words) == 3:
        found["request-uri"] = words[1]
    for name, value in HeaderParser().parsestr(head, headersonly=True).raw_items():
        key = name.strip().lower()
        key = COMPACT.get(key, key)
        text = " ".join(str(value).split())
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def cut_off(message: str) -> bool:
    """Has a request lost its end? pjsip reads 4000 bytes of a datagram (PJSIP_MAX_PKT_LEN), and
    what is left may look like a request for an offer."""
    return "\r\n\r\n" not in message and "\n\n" not in message


def tag_of(address: str) -> str:
    """Of a From or To; "" when there is none."""
    found = _TAG.search(_QUOTED.sub("", address))
    return found.group(1) if found else ""


def transaction_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What tells an INVITE from others, whichever way it came (RFC 3261 8.2.2.2)."""
    return headers.get("call-id", ""), tag_of(headers.get("from", "")), headers.get("cseq", "")


def timer_too_short(headers: Mapping[str, str]) -> bool:
    """Does it want the session refreshed more often than we do? (RFC 4028 section 9)"""
    seconds = headers.get("session-expires", "").partition(";")[0].strip()
    wants = re.fullmatch("[0-9]{1,9}", seconds)
    knows = "timer" in re.split(r"[\s,]+", headers.get("supported", "").lower())
    return bool(knows and wants) and int(seconds) < MIN_SE_S


def user_of(address: str) -> str:
    """User part of a URI or of a From-like header, %-escapes undone; "" when there is none."""
    match = _USER.search(_QUOTED.sub("", address))
    if match is None:
        return ""
    user = match.group(1) if match.group(1) is not None else match.group(2)
    return unquote(user.partition(":")[0])


def display_name(address: str) -> str:
    """The name before a URI in < >, quotes and escapes undone; "" where there is none."""
    match = _NAME.match(address)
    if match is None:
        return ""
    quoted, plain = match.groups()
    return re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip()
