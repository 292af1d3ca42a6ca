"""The torture messages of RFC 4475, and messages that nobody ever wrote down.

The texts lie in rfc4475/ as the RFC prints them: `=== name` begins one, lines end in CRLF on the
wire, `<hex>D0B2</hex>` is those octets, `<repeat 20>long</repeat>` is that text so often (RFC 4475
section 2). In mpart01 the signature is another one, of the same length.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("rfc4475")

_REPEAT = re.compile(rb"<repeat (\d+)>(.*?)</repeat>")
_HEX = re.compile(rb"<hex>([0-9A-F]*)</hex>")

NASTY = (
    b"\x00", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\t", b"  ", b"\xff\xfe", b"%00", b"%n%s%n", b"<",
    b">", b'"', b"\\", b";", b";;", b",", b":", b"@", b"=", b"?", b"[", b"]", b"[::1", b"-1", b"0",
    b"4294967296", b"99999999999999999999", b"A" * 300, b"a=" * 200, b";lr" * 60, b"\xd1\x80",
)  # fmt: skip


@cache
def torture_messages() -> dict[str, bytes]:
    """All 49 by name, as octets."""
    found: dict[str, bytes] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        _, *parts = path.read_bytes().split(b"=== ")
        for part in parts:
            name, _, text = part.partition(b"\n")
            raw = _REPEAT.sub(lambda m: m[2] * int(m[1]), text.replace(b"\n", b"\r\n"))
            found[name.decode()] = _HEX.sub(lambda m: bytes.fromhex(m[1].decode()), raw)
    return found


def own_messages(host: str, port: int, target: tuple[str, int]) -> list[bytes]:
    """Sound requests of ours to nobody's number; {n} is to be replaced by a number."""
    sdp = (
        f"v=0\r\no=t 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        "m=audio 49170 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
    )
    uri = f"sip:7777@{target[0]}:{target[1]}"
    made = []
    for method, body in (
        ("INVITE", sdp), ("INVITE", sdp), ("CANCEL", ""), ("BYE", ""), ("ACK", ""), ("OPTIONS", ""),
        ("REGISTER", ""), ("UPDATE", sdp), ("INFO", "Signal=5\r\nDuration=160\r\n"), ("PRACK", ""),
        ("REFER", ""), ("SUBSCRIBE", ""), ("NOTIFY", "SIP/2.0 200 OK\r\n"), ("MESSAGE", "hello"),
    ):  # fmt: skip
        kind = {"INFO": "application/dtmf-relay", "NOTIFY": "message/sipfrag"}.get(method)
        kind = kind or ("text/plain" if method == "MESSAGE" else "application/sdp")
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bKt{{n}}",
            "Max-Forwards: 70",
            f'From: "T" <sip:4930555@{host}:{port}>;tag=t{{n}}',
            f"To: <{uri}>" + (";tag=nobody" if method in ("BYE", "UPDATE", "INFO") else ""),
            "Call-ID: torture-{n}@" + host,
            f"CSeq: 1 {method}",
            f"Contact: <sip:t@{host}:{port}>",
            *(["Refer-To: <sip:1@x.example>", "Event: refer"] if method == "REFER" else []),
            *(["Event: presence"] if method in ("SUBSCRIBE", "NOTIFY") else []),
            "Supported: timer, 100rel",
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        made.append("\r\n".join([*lines, "", body]).encode())
    return made


class Mutator:
    """Damages messages; the same seed damages them the same way."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def mutated(self, message: bytes) -> bytes:
        """1 to 4 damages."""
        for _ in range(self.dice.randint(1, 4)):
            way = self.dice.choice(self.WAYS)
            message = way(self, message) or b"\r\n"
        return message[:60_000]

    def _flip(self, raw: bytes) -> bytes:
        at = self.dice.randrange(len(raw))
        return raw[:at] + bytes([self.dice.randrange(256)]) + raw[at + 1 :]

    def _insert(self, raw: bytes) -> bytes:
        at = self.dice.randrange(len(raw) + 1)
        return raw[:at] + self.dice.choice(NASTY) + raw[at:]

    def _delete(self, raw: bytes) -> bytes:
        at = self.dice.randrange(len(raw))
        return raw[:at] + raw[at + self.dice.randint(1, 40) :]

    def _repeat(self, raw: bytes) -> bytes:
        at = self.dice.randrange(len(raw))
        piece = raw[at : at + self.dice.randint(1, 40)]
        return raw[:at] + piece * self.dice.choice((2, 3, 50)) + raw[at:]

    def _cut(self, raw: bytes) -> bytes:
        return raw[: self.dice.randrange(1, len(raw) + 1)]

    def _number(self, raw: bytes) -> bytes:
        """One number becomes another."""
        places = list(re.finditer(rb"\d+", raw))
        if not places:
            return raw
        place = self.dice.choice(places)
        other = self.dice.choice((b"0", b"-1", b"65536", b"2147483648", b"4294967295", b"9" * 40))
        return raw[: place.start()] + other + raw[place.end() :]

    def _lines(self, raw: bytes) -> bytes:
        """A line goes, comes twice, comes often, or goes elsewhere."""
        lines = raw.split(b"\r\n")
        at, to = self.dice.randrange(len(lines)), self.dice.randrange(len(lines))
        what = self.dice.randrange(4)
        line = lines.pop(at)
        lines[to:to] = [line] * (0, 2, 40, 1)[what]
        return b"\r\n".join(lines)

    def _word(self, raw: bytes) -> bytes:
        """A word is put where another one stood."""
        words = list(re.finditer(rb"[^\s;:,<>@=]+", raw))
        if len(words) < 2:
            return raw
        from_, to = self.dice.sample(words, 2)
        return raw[: to.start()] + from_[0] + raw[to.end() :]

    WAYS = (_flip, _insert, _delete, _repeat, _cut, _number, _lines, _word)


def mutated_messages(count: int, own: list[bytes], seed: int = 4475) -> Iterator[bytes]:
    """Half of them made of the RFC's, half of our own."""
    mutator = Mutator(seed)
    told = list(torture_messages().values())
    for number in range(count):
        base = mutator.dice.choice(told if number % 2 else own)
        yield mutator.mutated(base.replace(b"{n}", str(number).encode()))
