"""SIP messages and SDP bodies as text: parse and build, nothing else (RFC 3261, RFC 4566)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tests.support.g711 import CODECS, Codec
from tests.support.rtp_wire import EVENT_TYPE

G722_MUTE = replace(CODECS["PCMU"], name="G722", payload_type=9)
"""A codec that nobody here can speak; its packets can be told."""

COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "c": "content-type",
    "l": "content-length",
    "k": "supported",
}


@dataclass
class Message:
    """A request or a response; header names in lower case, in their order."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @property
    def status(self) -> int:
        """Status code of a response, 0 for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of a request its own, of a response the one it answers."""
        return self.first.split()[0] if not self.status else self.get("cseq").split()[1]

    @property
    def cseq(self) -> int:
        return int(self.get("cseq").split()[0])

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def encode(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        body = self.body.encode()
        return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def parse(data: bytes) -> Message | None:
    """A message from a datagram; None for keep-alives and rubbish."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    if "SIP/2.0" not in first:
        return None
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if name != "content-length" and name != "l":
            headers.append((COMPACT.get(name, name), value.strip()))
    return Message(first, headers, body)


def response_to(request: Message, status: int, reason: str, tag: str, contact: str) -> Message:
    headers = [each for each in request.headers if each[0] in ("via", "record-route")]
    to = request.get("to")
    headers += [
        ("from", request.get("from")),
        ("to", to if "tag=" in to else f"{to};tag={tag}"),
        ("call-id", request.get("call-id")),
        ("cseq", request.get("cseq")),
        ("contact", contact),
    ]
    return Message(f"SIP/2.0 {status} {reason}", headers)


def uri_of(header: str) -> str:
    """The URI of a From, To, Contact or Route value."""
    found = re.search(r"<([^>]+)>", header)
    return found.group(1) if found else header.split(";", maxsplit=1)[0].strip()


def tag_of(header: str) -> str:
    found = re.search(r";tag=([^;>\s]+)", header)
    return found.group(1) if found else ""


def offer(host: str, port: int, codecs: Iterable[Codec]) -> str:
    """An SDP body with these codecs and telephone-event."""
    codecs = list(codecs)
    kinds = " ".join(str(codec.payload_type) for codec in codecs)
    lines = [
        "v=0",
        f"o=wire 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {kinds} {EVENT_TYPE}",
        *(f"a=rtpmap:{codec.payload_type} {codec.name}/8000" for codec in codecs),
        f"a=rtpmap:{EVENT_TYPE} telephone-event/8000",
        f"a=fmtp:{EVENT_TYPE} 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ]
    return "\r\n".join([*lines, ""])


def answered(body: str) -> tuple[str, int, Codec]:
    """(host, port, codec) of an SDP answer; ValueError when it holds no codec of ours."""
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    media = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", body, re.MULTILINE)
    if not host or not media:
        raise ValueError(f"no audio in the answer:\n{body}")
    by_type = {codec.payload_type: codec for codec in (*CODECS.values(), G722_MUTE)}
    kinds = [int(kind) for kind in media.group(2).split()]
    agreed = next((by_type[kind] for kind in kinds if kind in by_type), None)
    if agreed is None:
        raise ValueError(f"no common codec in the answer: {kinds}")
    return host.group(1), int(media.group(1)), agreed
