"""Sends the torture messages and the mutated ones to a bot that has a call, and watches all."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.sip.conformance.replies import wrong_with
from tests.sip.conformance.torture import mutated_messages, own_messages, torture_messages
from tests.support.bot_process import BotProcess
from tests.support.wire import WirePhone, intervals_ms, lost

BATCH = 20
PACE_S = 0.04  # per batch: 500 messages a second
TCP_EVERY = 5  # one batch of so many goes over TCP
MOST_P99_MS = 40.0
RECENT = 400  # messages that a reply is likely to answer


@dataclass
class Ordeal:
    """What came of it."""

    sent: int = 0
    died: int = 0  # deaths of the worker
    replies: int = 0
    broken: list[str] = field(default_factory=list)  # replies that break the grammar
    killers: list[bytes] = field(default_factory=list)  # batches in which a worker died
    open_records: int = 0
    rtp_lost: int = 0
    rtp_p99_ms: float = 0.0
    rtp_max_ms: float = 0.0
    survived: bool = False  # the call that went on all the time

    @property
    def passed(self) -> bool:
        hurt = self.died or self.broken or self.open_records or self.rtp_lost
        return self.survived and not hurt and self.rtp_p99_ms <= MOST_P99_MS


class Tormentor(asyncio.DatagramProtocol):
    """A source address of its own with port 5060, where replies go that are told no port."""

    def __init__(self, target: tuple[str, int], outcome: Ordeal) -> None:
        self.target, self.outcome = target, outcome
        self.sent: list[bytes] = []
        self.judged: set[bytes] = set()

    async def open(self) -> tuple[str, int]:
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        host = f"127.{random.randint(2, 250)}.{random.randint(0, 250)}.{random.randint(2, 250)}"
        try:
            line.bind((host, 5060))
        except OSError:
            line.bind((host, 0))
        loop = asyncio.get_running_loop()
        self.line, _ = await loop.create_datagram_endpoint(lambda: self, sock=line)
        return host, line.getsockname()[1]

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data.startswith(b"SIP/2.0"):
            self._judge(data)

    def error_received(self, exc: Exception) -> None:
        """The bot's port is closed: the death is seen elsewhere."""

    def _judge(self, reply: bytes) -> None:
        self.outcome.replies += 1
        if reply in self.judged:
            return  # sent again, for nobody acknowledges it
        self.judged.add(reply)
        wrong = wrong_with(reply, self.sent[-RECENT:]) and wrong_with(reply, self.sent)
        if wrong and len(self.outcome.broken) < 50:
            self.outcome.broken.append(wrong)

    def by_udp(self, batch: Sequence[bytes]) -> None:
        for message in batch:
            self.sent.append(message)
            with contextlib.suppress(OSError):  # longer than a datagram may be
                self.line.sendto(message, self.target)

    async def by_tcp(self, batch: Sequence[bytes]) -> None:
        try:
            reader, writer = await asyncio.open_connection(*self.target)
        except OSError:
            return
        # a stream has no seams: a message whose length lies goes on in the next one
        self.sent.append(b"".join(batch))
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            writer.write(b"".join(batch))
            await writer.drain()
            async with asyncio.timeout(0.2):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = _length(head)
                    reply = head + await reader.readexactly(length)
                    if reply.startswith(b"SIP/2.0"):
                        self._judge(reply)
        writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-length", b"l") and value.strip().isdigit():
            return int(value)
    return 0


async def torture(bot: BotProcess, mutations: int, seed: int = 4475) -> Ordeal:
    """The 49 by UDP and by TCP, then so many mutated ones, while a call goes on."""
    outcome = Ordeal()
    tormentor = Tormentor(bot.sip, outcome)
    host, port = await tormentor.open()
    whole = list(torture_messages().values())
    messages = [
        *whole,
        *whole,
        *mutated_messages(mutations, own_messages(host, port, bot.sip), seed),
    ]
    async with WirePhone(bot.sip) as phone:
        call = await phone.dial("1000")
        worker = bot.worker("sip").pid
        for number, begin in enumerate(range(0, len(messages), BATCH)):
            batch = messages[begin : begin + BATCH]
            if number % TCP_EVERY == 3:
                await tormentor.by_tcp(batch)
            else:
                tormentor.by_udp(batch)
                await asyncio.sleep(PACE_S)
            outcome.sent += len(batch)
            if not _alive(worker):
                outcome.died += 1
                outcome.killers.append(b"\n=====\n".join(batch))
                await asyncio.to_thread(bot.until_ready)
                worker = bot.worker("sip").pid
        await asyncio.sleep(0.5)
        if not _alive(worker):
            outcome.died += 1
        outcome.survived = call.ended_by is None and await call.hang_up() == 200
        gaps = intervals_ms(call.rtp.received)
        outcome.rtp_lost = lost(call.rtp.received)
        outcome.rtp_p99_ms, outcome.rtp_max_ms = gaps["p99"], gaps["max"]
    tormentor.line.close()
    outcome.open_records = await _left_open(bot)
    return outcome


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def _left_open(bot: BotProcess) -> int:
    """Records without an end, once those of unacknowledged calls have had their time."""
    for _ in range(45):
        rows = bot.rows("SELECT count(*) AS n FROM calls WHERE ended IS NULL")
        if not rows[0]["n"]:
            return 0
        await asyncio.sleep(1.0)
    return int(rows[0]["n"])
