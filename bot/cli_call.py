"""`call`: a caller in the box, to try the bot without a phone and to measure it from outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from bot.errors import BotError

if TYPE_CHECKING:  # the real imports are in the functions: `--help` must not load models
    from bot.calls.caller import CallerScript, Said
    from bot.legs.sip import SipLeg

LOOPBACK = ("127.", "localhost", "[::1]")


@click.command()
@click.argument("uri")
@click.option("--say", "says", multiple=True, metavar="TEXT", help="Speak this; may be repeated.")
@click.option(
    "--wav",
    "wavs",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Play this WAV file after all --say; may be repeated.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write what was heard to this WAV file.",
)
@click.option("--codec", type=click.Choice(["PCMU", "PCMA", "G722"]), default="PCMU")
@click.option("--caller", default="tester", show_default=True, help="The number calling.")
@click.option("--json", "as_json", is_flag=True, help="Print the timeline as JSON.")
def call(
    uri: str,
    says: tuple[str, ...],
    wavs: tuple[Path, ...],
    save: Path | None,
    codec: str,
    caller: str,
    as_json: bool,
) -> None:
    """Dial URI, speak, and tell what was heard, when.

    The greeting is heard out first; each line is said once the other side is quiet. Times come
    from this side of the line, the words of the other side from the local Whisper.

    \b
    python -m bot call sip:1000@127.0.0.1 --say "What time do you open tomorrow?"
    python -m bot call sip:1001@127.0.0.1:5070 --wav answer.wav --save heard.wav --json
    """
    console = Console(stderr=True)
    try:
        with console.status("loading a voice …"):
            lines = asyncio.run(prepare(says, wavs))
        with console.status(f"calling {uri} …"):
            leg, script = asyncio.run(dial(uri, lines, codec, caller))
        with console.status("listening to what was heard …"):
            told = asyncio.run(timeline(uri, leg, script))
    except BotError as error:
        raise click.ClickException(str(error)) from None
    if save is not None:
        save.write_bytes(heard_wav(script))
        told["saved"] = str(save)
    click.echo(json.dumps(told, indent=2) if as_json else as_text(told))


async def prepare(says: Sequence[str], wavs: Sequence[Path]) -> list[Said]:
    """The lines as audio at the bus rate. Raises StartError or ConfigError."""
    from bot.audio import wav
    from bot.audio.frame import BUS_HZ
    from bot.audio.resample import resample_clip
    from bot.calls.caller import Said
    from bot.calls.phrasebook import speak_whole
    from bot.errors import ConfigError
    from bot.providers.base import Voice

    lines = []
    if says:
        from bot.providers.piper_local import PiperLocal

        voice = PiperLocal()
        lines += [Said(text, await speak_whole(voice, text, Voice())) for text in says]
        await voice.close()
    for path in wavs:
        try:
            samples, rate_hz = wav.decode(path.read_bytes())
        except ValueError as error:
            raise ConfigError(str(path), "", f"{error}.", "Give a 16-bit WAV.") from None
        mono = samples if samples.ndim == 1 else samples[:, 0]
        lines.append(Said(path.name, resample_clip(mono, rate_hz, BUS_HZ)))
    return lines


async def dial(
    uri: str, lines: Sequence[Said], codec: str, caller: str
) -> tuple[SipLeg, CallerScript]:
    """One call from INVITE to BYE. Raises LegError when it is refused."""
    from bot.calls.caller import converse
    from bot.legs.sip import SipEndpoint, SipSettings

    here = any(part in uri for part in LOOPBACK)
    endpoint = SipEndpoint(
        SipSettings(bind="127.0.0.1:0" if here else "0.0.0.0:0", codecs=(codec,), max_calls=1),
        lambda _: None,  # nobody knows our number
    )
    await endpoint.start()
    try:
        leg = await endpoint.dial(uri, caller=caller)
        await leg.answered()
        return leg, await converse(leg, lines)
    finally:
        await endpoint.close()


async def timeline(uri: str, leg: SipLeg, script: CallerScript) -> dict[str, Any]:
    """What happened, in seconds since the answer, with the other side's words."""
    from bot.audio.frame import BUS_HZ
    from bot.audio.resample import resample_clip
    from bot.providers.whisper_local import WhisperLocal

    ear = WhisperLocal()
    exchanges = []
    for each in script.exchanges:
        words = ""
        if each.heard_from is not None:
            pcm = await asyncio.to_thread(resample_clip, each.audio(), BUS_HZ, ear.rate)
            words = (await ear.transcribe(pcm, language="en")).text
        exchanges.append(
            {
                "said": each.text,
                "spoke_from_s": _seconds(each.spoke_from),
                "spoke_until_s": _seconds(each.spoke_until),
                "heard_from_s": _seconds(each.heard_from),
                "heard_until_s": _seconds(each.heard_until),
                "reply_after_s": _seconds(each.reply_after),
                "heard": words,
            }
        )
    await ear.close()
    return {
        "uri": uri,
        "codec": leg.info.codec,
        "ended_by": "us" if leg.ended == "bot" else "the other side",
        "greeting": exchanges[0],
        "exchanges": exchanges[1:],
        "rtp": {"received": leg.stats.rtp_received, "lost": leg.stats.rtp_lost},
    }


def heard_wav(script: CallerScript) -> bytes:
    """All that was heard, as a 48 kHz WAV."""
    import numpy as np

    from bot.audio import wav
    from bot.audio.frame import BUS_HZ

    return wav.encode(np.concatenate([each.audio() for each in script.exchanges]), BUS_HZ)


def as_text(told: dict[str, Any]) -> str:
    """The timeline for people."""
    rows = [f"{0.0:7.2f}  answered ({told['codec']})"]
    for each in [told["greeting"], *told["exchanges"]]:
        if each["spoke_from_s"] is not None:
            rows.append(f"{each['spoke_from_s']:7.2f}  you: {each['said']}")
        if each["heard_from_s"] is None:
            rows.append("         (nothing was heard)")
            continue
        after = each["reply_after_s"]
        late = f"  ({after:.2f} s after you)" if after is not None else ""
        rows.append(f"{each['heard_from_s']:7.2f}  bot: {each['heard']}{late}")
    lost, received = told["rtp"]["lost"], told["rtp"]["received"]
    rows.append(f"         ended by {told['ended_by']}; {received} packets heard, {lost} lost")
    if "saved" in told:
        rows.append(f"         saved to {told['saved']}")
    return "\n".join(rows)


def _seconds(at: float | None) -> float | None:
    return None if at is None else round(at, 3)
