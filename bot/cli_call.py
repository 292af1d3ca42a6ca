"""`call`: a caller in the box, to try the bot without a phone and to measure it from outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bot.errors import LegError

if TYPE_CHECKING:  # the real imports are in the functions: `--help` must not load models
    from bot.audio.frame import Samples
    from bot.calls.caller import CallerScript, Manner, Said
    from bot.legs.sip import SipLeg
    from bot.legs.sip_reach import Target

REASONS = {  # refusals in plain words
    401: "asks for a password, and this caller has none",
    403: "does not want this call",
    404: "does not know that number",
    407: "asks for a password, and this caller has none",
    408: "did not answer",
    480: "is not available",
    486: "is busy",
    488: "has no codec in common with this caller. Try another --codec",
    503: "takes no calls at the moment",
    603: "declined",
}


class InOrder(click.Command):
    """Remembers in which order --say and --wav were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta["order"] = [each.name for each in order if each.name in ("say", "wav")]
        return super().parse_args(ctx, args)


def in_order(ctx: click.Context, say: Sequence[str], wav: Sequence[Path]) -> list[str | Path]:
    texts, files = iter(say), iter(wav)
    return [next(texts) if name == "say" else next(files) for name in ctx.meta["order"]]


def writable(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Found out before the call, not after it."""
    if path is not None and not path.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder {path.parent} does not exist.", ctx, param)
    return path


@click.command(cls=InOrder)
@click.argument("uri")
@click.option("--say", multiple=True, metavar="TEXT", help="Speak this; may be repeated.")
@click.option(
    "--wav",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Play this 16-bit WAV; may be repeated and mixed with --say.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    callback=writable,
    help="Write what was heard to this WAV file.",
)
@click.option(
    "--interrupt-after",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="From the second line on, do not hear replies out: speak so long after they began.",
)
@click.option(
    "--hang-up-after",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=600.0,
    show_default=True,
    help="End the call so long after the answer, whatever is being said.",
)
@click.option(
    "--ring",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=30.0,
    show_default=True,
    help="Give up when nobody has answered by then.",
)
@click.option("--codec", type=click.Choice(["PCMU", "PCMA", "G722"]), default="PCMU")
@click.option("--caller", default="tester", show_default=True, help="The number calling.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, see above.")
@click.pass_context
def call(
    ctx: click.Context,
    uri: str,
    say: tuple[str, ...],
    wav: tuple[Path, ...],
    save: Path | None,
    interrupt_after: float | None,
    hang_up_after: float,
    ring: float,
    codec: str,
    caller: str,
    as_json: bool,
) -> None:
    """Dial URI, speak, and tell what was heard, when.

    The greeting is heard out first; each line is said in the order given, once the other side
    is quiet. Times come from this side of the line, the words of the other side from the local
    Whisper. A call that does not come about is one line on standard error and exit code 2.

    With --json an object: uri, codec, lasted_s, ended_by (us, the other side,
    or failed: and why), greeting,
    exchanges (one for each line said), not_said (lines for which the call was too short), rtp
    (received and lost packets) and saved (the file, or null). The greeting and each of the
    exchanges hold said, spoke_from_s, spoke_until_s, heard_from_s, heard_until_s, reply_after_s
    (our last speech to their first), interrupted (we spoke over them), silent_after_s (our
    first speech over them to their last) and heard (their words). Times are seconds since the
    answer, null for what did not happen.

    \b
    python -m bot call sip:1000@127.0.0.1 --say "What time do you open tomorrow?"
    python -m bot call sip:1000@127.0.0.1 --interrupt-after 2 \\
        --say "What are your opening hours?" --say "No, wait, stop please."
    python -m bot call sip:1001@127.0.0.1:5070 --wav answer.wav --save heard.wav --json
    """
    from bot.calls.caller import Manner
    from bot.cli_timeline import as_text, timeline

    console = Console(stderr=True)
    manner = Manner(interrupt_after, hang_up_after)
    with console.status(f"looking for {uri} …"):
        target = asyncio.run(find(uri))
    with console.status("loading a voice …"):
        lines = asyncio.run(prepare(in_order(ctx, say, wav)))
    with console.status(f"calling {target.uri} …"):
        leg, script = asyncio.run(dial(target, lines, manner, codec, caller, ring))
    if save is not None:
        save_heard(save, script)
    with console.status("listening to what was heard …"):
        told = asyncio.run(timeline(target.uri, leg, script, save))
    click.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else as_text(told))


async def find(uri: str) -> Target:
    """Raises LegError when the URI is none or its port is closed."""
    from bot.legs.sip_reach import reach, target_of

    target = await target_of(uri)
    await reach(target)
    return target


async def prepare(lines: Sequence[str | Path]) -> list[Said]:
    """The lines as audio at the bus rate. Raises StartError or click.BadParameter."""
    from bot.calls.caller import Said
    from bot.calls.phrasebook import speak_whole
    from bot.providers.base import Voice
    from bot.providers.piper_local import PiperLocal

    said = [Said(line.name, played(line)) for line in lines if isinstance(line, Path)]
    files = iter(said)  # a file that cannot be played is told before the voice is loaded
    voice = PiperLocal() if len(said) < len(lines) else None
    ready = []
    for line in lines:
        if isinstance(line, Path) or voice is None:
            ready.append(next(files))
        else:
            ready.append(Said(line, await speak_whole(voice, line, Voice())))
    if voice is not None:
        await voice.close()
    return ready


def played(path: Path) -> Samples:
    """The first channel of a WAV at the bus rate."""
    from bot.audio import wav
    from bot.audio.frame import BUS_HZ
    from bot.audio.resample import resample_clip

    try:
        channels, rate_hz = wav.decode(path.read_bytes())
    except (ValueError, OSError) as error:
        raise click.BadParameter(f"{path}: {error}.", param_hint="--wav") from None
    return resample_clip(channels[0], rate_hz, BUS_HZ)


async def dial(
    target: Target,
    lines: Sequence[Said],
    manner: Manner,
    codec: str,
    caller: str,
    ring_s: float,
) -> tuple[SipLeg, CallerScript]:
    """One call from INVITE to BYE. Raises LegError when it does not come about."""
    from bot.calls.caller import converse
    from bot.legs.sip import CallRefused, SipEndpoint, SipSettings

    endpoint = SipEndpoint(
        SipSettings(
            bind="127.0.0.1:0" if target.here else "0.0.0.0:0", codecs=(codec,), max_calls=1
        ),
        lambda _: None,  # nobody knows our number
    )
    await endpoint.start()
    try:
        leg = await endpoint.dial(target.uri, caller=caller)
        await leg.answered(ring_s)
        return leg, await converse(leg, lines, manner)
    except CallRefused as error:
        plainly = REASONS.get(error.code, "refused the call")
        raise LegError(f"{target.uri} {plainly} ({error})") from None
    finally:
        await endpoint.close()


def save_heard(path: Path, script: CallerScript) -> None:
    """All that was heard, as a 48 kHz WAV. Raises LegError when the file cannot be written."""
    import numpy as np

    from bot.audio import wav
    from bot.audio.frame import BUS_HZ

    heard = np.concatenate([each.audio() for each in script.exchanges])
    try:
        path.write_bytes(wav.encode(heard, BUS_HZ))
    except OSError as error:
        raise LegError(f"{path}: {error.strerror}. Give --save another file.") from None
