"""Stops and responses on the wire, beside what the bot recorded of the same calls.

The caller in the box (`bot call`) dials a bot that runs as its own process and interrupts every
reply with the next question. Its times are those of packets. The bot's voice is the mock's buzz,
which has no pauses, so that "silent" is one moment; its ears are the real Whisper.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.audio import wav
from bot.audio.frame import FRAME_S, level_db
from bot.calls.caller import FELL_SILENT_S, VOICE_DB
from bot.legs.sip_leg import BRIDGE_HZ, BRIDGE_S, CONCEAL_S, TICK_WAIT_S, Downsampler, Upsampler
from tests.bench.numbers import p50_p95
from tests.eval.cache import Pcm, key_of
from tests.eval.corpus import ACTIVE_DB, at_level
from tests.eval.voices import JOES, speech
from tests.support.bot_process import ROOT, BotProcess

CALLS = 3  # one after the other: packets of a busy machine are late on their own
INTERRUPT_AFTER_S = 1.3
MATCH_MS = 1000.0  # a turn of the record belongs to the exchange that ended this close to it
LINE_GAP_S = 1.0  # silence between two lines of the caller; pauses within a line are shorter
RATE_HZ = 48_000  # of the recordings: as the engine hears and speaks
VOICE_HZ = 16_000
LEVEL_DB = -20.0  # of the caller
BLOCK_S = 0.002
LINES = [
    "What are your opening hours on Saturday?",
    "Wait, where is the clinic exactly?",
    "Stop, how much does a visit cost?",
    "Excuse me, do you also see children?",
    "No, wait, who is the doctor on duty?",
    "Hold on, is there parking near the house?",
    "Stop, which bus goes to the clinic?",
    "One moment, can I come on Sunday?",
]
REPLY = (
    "This answer is long enough to be interrupted by the caller well before it ends and it goes "
    "on and on without any pause."
)
PERSONA = {
    "name": "Wire",
    "greeting": "Hello.",
    "system_prompt": "Answer.",
    "metadata": {"source_template_id": "helpful-assistant"},
    "turn": {"silence_ms": 700, "filler_after_s": 10.0},
    "idle": {"after_s": 30.0},
    "answers": [{"ask": [line], "say": REPLY} for line in LINES],
    "phrases": {"help": REPLY},
}
DIALPLAN = {"routes": [{"number": "1000", "persona": "wire"}]}
CONFIG = {"ai": {"tts": "mock"}, "recordings": {"rate_hz": RATE_HZ}}


@dataclass(frozen=True)
class Pair:
    """The same time twice, in milliseconds."""

    wire_ms: float
    own_ms: float


def wire_figures() -> dict[str, Any]:
    """wire_agreement_ms and what it was made from."""
    with tempfile.TemporaryDirectory(prefix="eval-wire-") as folder:
        bot = BotProcess(Path(folder), personas={"wire": PERSONA}, dialplan=DIALPLAN, config=CONFIG)
        try:
            bot.start()
            told = [call(bot, number) for number in range(CALLS)]
            stops = [pair for n, each in enumerate(told) for pair in stops_of(bot, n, each)]
            responses = [pair for n, each in enumerate(told) for pair in responses_of(bot, n, each)]
        finally:
            bot.stop()
    return {
        "wire_agreement_ms": agreement([*stops, *responses]),
        "wire": {
            "stop_ms": p50_p95([each.wire_ms for each in stops]) | {"n": len(stops)},
            "response_ms": p50_p95([each.wire_ms for each in responses]) | {"n": len(responses)},
            "stop_agreement_ms": agreement(stops),
            "response_agreement_ms": agreement(responses),
        },
    }


def agreement(pairs: Sequence[Pair]) -> dict[str, float]:
    apart = [abs(each.wire_ms - each.own_ms) for each in pairs]
    signed = [each.wire_ms - each.own_ms for each in pairs]
    return p50_p95(apart) | {"mean": round(float(np.mean(signed)), 1), "n": len(pairs)}


def call(bot: BotProcess, number: int) -> dict[str, Any]:
    """One call of all lines, each over the reply to the one before, in an order of its own."""
    files = [line_file(bot.folder, LINES[(number + k) % len(LINES)]) for k in range(len(LINES))]
    said = [part for file in files for part in ("--wav", str(file))]
    host, port = bot.sip
    command = [sys.executable, "-m", "bot", "call", f"sip:1000@{host}:{port}", *said, "--json"]
    command += ["--interrupt-after", str(INTERRUPT_AFTER_S), "--caller", caller(number)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, cwd=ROOT
    )
    if done.returncode:
        raise RuntimeError(f"the caller failed: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def caller(number: int) -> str:
    return f"wire{number}"


def line_file(folder: Path, line: str) -> Path:
    path = folder / f"{key_of(line)}.wav"
    path.write_bytes(wav.encode(sharp(speech(line, JOES[0], VOICE_HZ)), VOICE_HZ))
    return path


def sharp(pcm: Pcm) -> Pcm:
    """Cut where it is as loud as speech at both ends: no soft s or h that one ear misses."""
    sound = at_level(pcm / 32768, LEVEL_DB)
    hop = VOICE_HZ // 200
    blocks = sound[: len(sound) // hop * hop].reshape(-1, hop).astype(np.float64) / 32768
    at = np.flatnonzero((blocks**2).mean(axis=1) > 10 ** ((LEVEL_DB - ACTIVE_DB / 2) / 10))
    return sound[at[0] * hop : (at[-1] + 1) * hop]


def responses_of(bot: BotProcess, number: int, told: dict[str, Any]) -> Iterator[Pair]:
    """The ledger's response beside the caller's, turn by turn."""
    rows = bot.rows(
        "SELECT speech_end_ms, first_audio_out_ms FROM turns JOIN calls ON calls.id = call_id"
        " WHERE caller = ? AND speech_end_ms IS NOT NULL AND first_audio_out_ms IS NOT NULL",
        caller(number),
    )
    for each in told["exchanges"]:
        if each["reply_after_s"] is None:
            continue
        end_ms = each["spoke_until_s"] * 1000
        near = [row for row in rows if abs(row["speech_end_ms"] - end_ms) < MATCH_MS]
        if len(near) == 1:
            own_ms = near[0]["first_audio_out_ms"] - near[0]["speech_end_ms"]
            yield Pair(each["reply_after_s"] * 1000, own_ms)


def stops_of(bot: BotProcess, number: int, told: dict[str, Any]) -> Iterator[Pair]:
    """The stop in the bot's own recording, what went in and out of the engine, beside the caller's.

    Both count from the caller's first voice to the bot's last. The recording lies between the
    leg's two ends: their delays come on top, as in the ledger. The caller tells the time at which
    the last packet with voice began; the voice ends half a packet later on average.
    """
    row = bot.rows("SELECT recording FROM calls WHERE caller = ?", caller(number))[0]
    channels, rate_hz = wav.decode((bot.folder / row["recording"]).read_bytes())
    heard, said = (loud(channel, rate_hz) for channel in channels)
    begins, exchanges = lines_of(heard), told["exchanges"]
    if len(begins) != len(exchanges):
        print(f"eval: wire: {len(begins)} lines heard of {len(exchanges)}", file=sys.stderr)
        return
    for began, each in zip(begins, exchanges, strict=True):
        if each["silent_after_s"] is not None:
            own_s = (last_loud(said, began) - began) * BLOCK_S + leg_delays_s() - FRAME_S / 2
            yield Pair(each["silent_after_s"] * 1000, own_s * 1000)


def leg_delays_s() -> float:
    """From the wire to the engine and back, as the SIP leg states it; half a tick on average."""
    there = TICK_WAIT_S + CONCEAL_S + BRIDGE_S + Upsampler(BRIDGE_HZ).delay_s
    return there + TICK_WAIT_S + BRIDGE_S + Downsampler(BRIDGE_HZ).delay_s


def loud(channel: Pcm, rate_hz: int) -> np.ndarray:
    """For each block of BLOCK_S: is there a voice in it?"""
    size = round(rate_hz * BLOCK_S)
    blocks = channel[: len(channel) // size * size].reshape(-1, size)
    return np.array([level_db(block) > VOICE_DB for block in blocks])


def lines_of(is_loud: np.ndarray) -> list[int]:
    """First block of each line: voice after a silence that is longer than a pause."""
    at = np.flatnonzero(is_loud)
    fresh = np.diff(at, prepend=-1_000_000) > LINE_GAP_S / BLOCK_S
    return [int(each) for each in at[fresh]]


def last_loud(is_loud: np.ndarray, since: int) -> int:
    """End of the last block with voice before the first silence of FELL_SILENT_S after `since`."""
    at = np.flatnonzero(is_loud[since:]) + since
    gaps = np.flatnonzero(np.diff(at, append=10**9) > FELL_SILENT_S / BLOCK_S)
    return int(at[gaps[0]]) + 1
