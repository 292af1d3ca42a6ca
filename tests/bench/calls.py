"""Calls to a real bot, measured on the wire and read back from its store."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil

from tests.bench.numbers import median
from tests.bench.script import QUESTIONS, SILENCE_MS
from tests.support.bot_process import BotProcess
from tests.support.phone import spoken
from tests.support.wire import Packet, WireCall, WirePhone, intervals_ms, lost

PAUSE_S = 0.6  # silence after which the bot has finished speaking
LEDGER_MATCH_S = 1.0  # a turn of the store belongs to the question that ended this close to it


@dataclass(frozen=True)
class Asked:
    """One question and its answer, as the wire saw them; seconds, CLOCK_REALTIME."""

    call_id: str
    answered_at: float  # when the call was answered
    speech_end: float  # last packet of the question
    audio_start: float  # first packet of the reply that is no silence
    reply_start: float  # first packet of the reply with speech

    @property
    def response_ms(self) -> float:
        return (self.reply_start - self.speech_end) * 1000

    @property
    def first_audio_ms(self) -> float:
        return (self.audio_start - self.speech_end) * 1000


@dataclass
class Session:
    """What a stage of calls left behind."""

    asked: list[Asked] = field(default_factory=list)
    received: list[list[Packet]] = field(default_factory=list)  # per call

    @property
    def lost(self) -> int:
        return sum(lost(packets) for packets in self.received)

    def intervals(self) -> dict[str, float]:
        """p50, p99 and max over all calls, gaps between calls left out."""
        # each call is moved to begin where the one before ended, one period later
        line: list[Packet] = []
        for packets in filter(None, self.received):
            shift = line[-1].at + 0.02 - packets[0].at if line else 0.0
            line += [Packet(p.at + shift, p.seq, p.timestamp, 0, b"") for p in packets]
        return intervals_ms(line)


async def ask(call: WireCall, question: str) -> Asked:
    """Speak, wait for the reply and for its end. TimeoutError when none comes."""
    before = time.time()
    await call.say(spoken(question))
    speech_end = call.rtp.last_speech_sent()
    assert speech_end and speech_end > before, "the question never left"
    reply_start = await call.reply(after=speech_end)
    await call.quiet(PAUSE_S, after=reply_start - 0.001)
    audio_start = call.rtp.first_audio_heard(after=speech_end)
    assert audio_start, "a reply with speech has audio"
    return Asked(call.call_id, call.answered_at, speech_end, audio_start, reply_start)


async def conversation(phone: WirePhone, questions: Iterable[str], session: Session) -> None:
    """One call: the greeting, the questions, the hang-up."""
    call = await phone.dial("1000")
    if call.status != 200:
        raise RuntimeError(f"the bot answered {call.status}")
    await call.quiet(PAUSE_S)
    for question in questions:
        session.asked.append(await ask(call, question))
    await call.hang_up()
    session.received.append(call.rtp.audio_in)


async def one_by_one(bot: BotProcess, calls: int) -> Session:
    """`calls` calls one after the other, every question in each."""
    session = Session()
    async with WirePhone(bot.sip) as phone:
        for _ in range(calls):
            await conversation(phone, QUESTIONS, session)
    return session


@dataclass(frozen=True)
class Load:
    """Four calls at once, and what the processes used meanwhile."""

    session: Session
    cpu_percent_per_call: float
    rss_mb: dict[str, float]


async def four_at_once(bot: BotProcess, rounds: int) -> Load:
    """Four callers who ask without a pause, so that the speech worker transcribes all the time."""
    session = Session()
    names = {"sip_worker": "sip", "speech_worker": "speech"}
    workers = {key: bot.worker(name) for key, name in names.items()}
    sip = workers["sip_worker"]
    async with WirePhone(bot.sip) as phone:
        order = itertools.cycle(QUESTIONS)
        scripts = [[next(order) for _ in range(rounds)] for _ in range(4)]
        calls = asyncio.gather(*(conversation(phone, each, session) for each in scripts))
        await asyncio.sleep(1.0)  # all four are up
        percent = []
        while not calls.done():
            used, begun = cpu_s(sip), time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(calls), 2.0)
            if not calls.done():  # four calls lived through the whole of it
                percent.append((cpu_s(sip) - used) / (time.monotonic() - begun) * 100)
        await calls
    rss = {key: round(each.memory_info().rss / 2**20, 1) for key, each in workers.items()}
    return Load(session, round(median(percent) / 4, 2), rss)


def cpu_s(process: psutil.Process) -> float:
    """Processor time a worker has used, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass(frozen=True)
class OwnPath:
    """The share of the waiting that is the bot's own, turn by turn, in milliseconds."""

    own_ms: list[float]
    unmatched: int


def own_path(bot: BotProcess, asked: Iterable[Asked]) -> OwnPath:
    """First audio on the wire minus the end of the turn minus what the providers took. The turn
    ends SILENCE_MS after the caller's last packet with speech."""
    own, unmatched = [], 0
    for each in asked:
        rows = bot.rows(
            "SELECT turns.* FROM turns JOIN calls ON calls.id = turns.call_id"
            " WHERE calls.leg_id = ? AND speech_end_ms IS NOT NULL"
            " AND first_audio_out_ms IS NOT NULL",
            each.call_id,
        )
        wire_ms = (each.speech_end - each.answered_at) * 1000
        near = [row for row in rows if abs(row["speech_end_ms"] - wire_ms) < LEDGER_MATCH_S * 1000]
        if len(near) != 1:
            unmatched += 1
            continue
        provider = sum(near[0][f"{name}_took_ms"] or 0.0 for name in ("stt", "llm", "tts"))
        own.append(each.first_audio_ms - SILENCE_MS - provider)
    return OwnPath(own, unmatched)
