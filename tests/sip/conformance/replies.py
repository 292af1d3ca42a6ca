"""A strict reader of responses (RFC 3261 section 25): what is wrong with one?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

_STATUS = re.compile(rb"SIP/2\.0 [1-6]\d\d [^\r\n\x00]*")
_HEADER = re.compile(rb"([-A-Za-z0-9.!%*_+`'~]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_VIA = re.compile(rb"SIP[ \t]*/[ \t]*\S+[ \t]*/[ \t]*\S+[ \t]+\S.*", re.DOTALL)
_CSEQ = re.compile(rb"(\d{1,10})[ \t]+([-A-Za-z0-9.!%*_+`'~]+)")
SHORT = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"l": b"content-length"}
ONCE = (b"from", b"to", b"call-id", b"cseq", b"content-length")


def wrong_with(reply: bytes, sent: Sequence[bytes]) -> str:
    """ "" for a response that keeps the grammar and answers one of the requests `sent`."""
    head, blank, body = reply.partition(b"\r\n\r\n")
    first, *rest = head.split(b"\r\n")
    if not blank:
        return "no blank line"
    if not _STATUS.fullmatch(first):
        return f"status line {first[:60]!r}"
    if any(octet in head.replace(b"\r\n", b"") for octet in (b"\r", b"\n")):
        return "a bare CR or LF"
    found: dict[bytes, list[bytes]] = {}
    for line in unfolded(rest):
        match = _HEADER.fullmatch(line)
        if not match:
            return f"no header: {line[:60]!r}"
        name = match[1].lower()
        found.setdefault(SHORT.get(name, name), []).append(match[2].strip())
    for name in ONCE:
        if len(found.get(name, [])) != 1:
            return f"{len(found.get(name, []))} times {name.decode()}"
    if not all(_VIA.fullmatch(each) for each in found.get(b"via", [b""])):
        return f"Via {found.get(b'via')}"
    length = found[b"content-length"][0]
    if not length.isdigit() or int(length) != len(body):
        return f"Content-Length {length!r} of {len(body)}"
    return _echo(found, sent)


def unfolded(lines: Sequence[bytes]) -> list[bytes]:
    made: list[bytes] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and made:
            made[-1] += b" " + line.strip()
        else:
            made.append(line)
    return made


def _echo(found: dict[bytes, list[bytes]], sent: Sequence[bytes]) -> str:
    """Call-ID, CSeq and branch must be those of a request."""
    call_id = found[b"call-id"][0]
    asked = [each for each in sent if call_id in each]
    if not asked:
        return f"Call-ID of nobody: {call_id[:60]!r}"
    cseq = _CSEQ.fullmatch(found[b"cseq"][0])
    if not cseq:
        return f"CSeq {found[b'cseq'][0]!r}"
    branch = re.search(rb"branch[ \t]*=[ \t]*([^;,\s]+)", found[b"via"][0])
    # a branch that breaks the grammar cannot come back as it was: pjsip escapes what is no token
    if branch and not any(
        b in each for each in asked for b in (branch[1], unquote_to_bytes(branch[1]))
    ):
        return f"branch of nobody: {branch[1][:60]!r}"
    # pjsip takes "InVITE" for INVITE, and says INVITE
    if not any(cseq[2].upper() in each.upper() for each in asked):
        return f"method of nobody: {cseq[2]!r}"
    return ""
