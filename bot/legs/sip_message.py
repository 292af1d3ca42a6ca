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

MOST_NAME = 80  # characters; longer ones are no names
WITHHELD = frozenset({"", "anonymous", "restricted", "unavailable", "unknown"})

_NAME = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*<')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_USER = re.compile(r"(?:sips?:([^@;?>\s]*)(?:;[^@>\s]*)?@|tel:([^;?>\s]*))", re.IGNORECASE)


def headers_of(message: str) -> dict[str, str]:
    """A request's headers by lower-case full name, its target under `request-uri`.

    Folded lines are joined; a header that occurs several times is joined by ", ", in order.
    """
    start, _, rest = message.replace("\r\n", "\n").partition("\n")
    head = rest.partition("\n\n")[0]
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


def user_of(address: str) -> str:
    """User part of a URI or of a From-like header, %-escapes undone; "" when there is none."""
    match = _USER.search(_QUOTED.sub("", address))
    if match is None:
        return ""
    user = match.group(1) if match.group(1) is not None else match.group(2)
    return unquote(user.partition(":")[0])


def caller_of(headers: Mapping[str, str]) -> str:
    """Who calls: the user of From, "" when withheld."""
    user = user_of(headers.get("from", ""))
    return "" if user.lower() in WITHHELD else user


def name_of(headers: Mapping[str, str]) -> str:
    """The display name of From, "" where there is none or the caller is withheld."""
    address = headers.get("from", "")
    match = _NAME.match(address)
    if match is None or not caller_of(headers):
        return ""
    quoted, plain = match.groups()
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip()
    return "" if name.lower() in WITHHELD else name[:MOST_NAME]
