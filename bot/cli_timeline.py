"""The timeline of a call from the caller's side: as JSON and for people."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import resample_clip
from bot.calls.caller import CallerScript, Exchange
from bot.legs.sip import SipLeg
from bot.providers.whisper_local import WhisperLocal

ENDED_BY = {"bot": "us", "caller": "the other side"}  # as our own leg sees it


async def timeline(
    uri: str, leg: SipLeg, script: CallerScript, saved: Path | None
) -> dict[str, Any]:
    """What happened, in seconds since the answer, with the other side's words."""
    ear = WhisperLocal()
    told = [exchange(each, await words(ear, each.reply())) for each in script.exchanges]
    await ear.close()
    return {
        "uri": uri,
        "codec": leg.info.codec,
        "lasted_s": seconds(script.now),
        "ended_by": ENDED_BY.get(leg.ended or "", leg.ended),
        "greeting": told[0],
        "exchanges": told[1:],
        "not_said": script.not_said,
        "rtp": {"received": leg.stats.rtp_received, "lost": leg.stats.rtp_lost},
        "saved": None if saved is None else str(saved),
    }


async def words(ear: WhisperLocal, heard: Samples) -> str:
    if not len(heard):
        return ""
    pcm = await asyncio.to_thread(resample_clip, heard, BUS_HZ, ear.rate)
    return (await ear.transcribe(pcm, language="en")).text


def exchange(each: Exchange, heard: str) -> dict[str, Any]:
    return {
        "said": each.text,
        "spoke_from_s": seconds(each.spoke_from),
        "spoke_until_s": seconds(each.spoke_until),
        "heard_from_s": seconds(each.heard_from),
        "heard_until_s": seconds(each.heard_until),
        "reply_after_s": seconds(each.reply_after),
        "interrupted": each.interrupted,
        "silent_after_s": seconds(each.silent_after),
        "heard": heard,
    }


def as_text(told: dict[str, Any]) -> str:
    """The timeline for people: when, who, what; asides in brackets."""
    rows = [f"{0.0:7.2f}  answered, {told['codec']}"]
    for each in [told["greeting"], *told["exchanges"]]:
        if each["spoke_from_s"] is not None:
            rows.append(f"{each['spoke_from_s']:7.2f}  you  {each['said']}{stopped(each)}")
        if each["heard_from_s"] is None:
            rows.append(f"{'':7}  bot  (nothing was heard)")
            continue
        after = each["reply_after_s"]
        late = "" if after is None else f"  ({after:.2f} s after you)"
        rows.append(f"{each['heard_from_s']:7.2f}  bot  {each['heard'] or '(no words)'}{late}")
    rows += [f"{'':7}  you  (not said) {line}" for line in told["not_said"]]
    rows.append(f"{told['lasted_s']:7.2f}  ended by {told['ended_by']}")
    lost, received = told["rtp"]["lost"], told["rtp"]["received"]
    rows.append(f"{'':7}  {received} packets heard, {lost} lost")
    if told["saved"] is not None:
        rows.append(f"{'':7}  saved to {told['saved']}")
    return "\n".join(rows)


def stopped(each: dict[str, Any]) -> str:
    if not each["interrupted"]:
        return ""
    if each["silent_after_s"] is None:
        return "  (over the bot)"
    return f"  (over the bot, which fell silent {each['silent_after_s']:.2f} s later)"


def seconds(at: float | None) -> float | None:
    return None if at is None else round(at, 3)
