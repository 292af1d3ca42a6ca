"""`call` as its user types it, as far as no bot is needed; the calls are in tests/sip."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from bot import cli_call, cli_timeline
from bot.audio.frame import BUS_HZ
from bot.calls.caller import Exchange
from bot.cli_call import InOrder, call, in_order, prepare
from bot.cli_timeline import as_text
from tests.support.ports import free_port


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(call, [str(each) for each in arguments])


def typed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "call", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def told(**over: Any) -> dict[str, Any]:
    """A call with one exchange, as JSON would have it."""
    greeting = cli_timeline.exchange(Exchange("", heard_from=0.06, heard_until=2.8), "Hello.")
    said = Exchange("Open?", spoke_from=4.4, spoke_until=5.8, heard_from=7.1, heard_until=9.0)
    return {
        "uri": "sip:1@h", "codec": "PCMU", "lasted_s": 12.34, "ended_by": "us",
        "greeting": greeting, "exchanges": [cli_timeline.exchange(said, "At eight.")],
        "not_said": [], "rtp": {"received": 600, "lost": 2}, "saved": None, **over,
    }  # fmt: skip


# ---- what can go wrong is one line


def test_a_closed_port_is_told_at_once() -> None:
    port = free_port()
    began = time.monotonic()
    result = typed(f"sip:1000@127.0.0.1:{port}", "--say", "Hello.")
    assert time.monotonic() - began < 15, "it waited: nobody would have answered for 30 s"
    assert result.returncode == 2 and not result.stdout
    (line,) = result.stderr.strip().splitlines()
    assert f"nobody listens on UDP 127.0.0.1:{port}" in line and "sip.bind" in line


def test_a_deaf_port_is_given_up_after_the_ring_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        result = typed(f"sip:1000@127.0.0.1:{deaf.getsockname()[1]}", "--ring", "1")
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1].endswith("no answer within 1 s")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("uri", "line"),
    [
        ("foo bar", "'foo bar' is no SIP URI. Give one like sip:1000@127.0.0.1:5060."),
        ("sip:1000@127.0.0.1:99999", "is no SIP URI"),
        ("sips:1000@127.0.0.1", "Use sip: instead of sips:"),
        ("sip:1000@no-such-host.invalid", "no-such-host.invalid has no IPv4 address"),
    ],
)
def test_a_uri_that_cannot_be_called_is_told(uri: str, line: str) -> None:
    result = ask(uri)
    assert line in str(result.exception)


def test_tcp_is_looked_for_where_tcp_is_asked_for() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        uri = f"1000@127.0.0.1:{udp.getsockname()[1]}"
        asyncio.run(cli_call.find(uri))  # a socket that says nothing may be a SIP server
        result = ask(f"{uri};transport=tcp")
    assert "nobody listens on TCP" in str(result.exception)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--save", "/no/such/folder/x.wav"), "the folder /no/such/folder does not exist"),
        (("--wav", "/no/such.wav"), "does not exist"),
        (("--hang-up-after", "0"), "--hang-up-after"),
        (("--interrupt-after", "-1"), "--interrupt-after"),
    ],
)
def test_a_bad_option_is_told_before_anybody_is_called(options: tuple[str, ...], line: str) -> None:
    result = ask("sip:1000@127.0.0.1:1", *options)
    assert result.exit_code == 2 and line in result.output


# ---- lines


def test_lines_keep_the_order_they_were_given_in(tmp_path: Path) -> None:
    given: list[str | Path] = []

    @click.command(cls=InOrder)
    @click.option("--say", multiple=True)
    @click.option("--other")
    @click.option("--wav", multiple=True, type=click.Path(path_type=Path))
    @click.pass_context
    def command(ctx: click.Context, say: Any, other: Any, wav: Any) -> None:
        given.extend(in_order(ctx, say, wav))

    arguments = ["--wav", "a.wav", "--say", "b", "--other=x", "--say=c", "--wav=d.wav"]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    assert given == [Path("a.wav"), "b", "c", Path("d.wav")]


def test_a_stereo_wav_is_played_by_its_first_channel(tmp_path: Path) -> None:
    left = np.full(8000, 5000, np.int16)
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.stack([left, -left], axis=1).tobytes())
    (line,) = asyncio.run(prepare([tmp_path / "x.wav"]))
    assert line.text == "x.wav" and len(line.samples) == BUS_HZ
    assert abs(int(line.samples[BUS_HZ // 2]) - 5000) < 100


def test_a_wav_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"not audio")
    with pytest.raises(click.BadParameter) as fault:
        asyncio.run(prepare([tmp_path / "x.wav"]))
    assert "x.wav" in str(fault.value) and fault.value.exit_code == 2


# ---- what is told


def test_the_timeline_reads_well() -> None:
    assert as_text(told()).splitlines() == [
        "   0.00  answered, PCMU",
        "   0.06  bot  Hello.",
        "   4.40  you  Open?",
        "   7.10  bot  At eight.  (1.30 s after you)",
        "  12.34  ended by us",
        "         600 packets heard, 2 lost",
    ]


def test_the_timeline_tells_interruptions_and_what_did_not_happen() -> None:
    over = Exchange("Stop.", spoke_from=9.0, spoke_until=9.5, interrupted=True, silent_after=0.3)
    text = as_text(
        told(
            exchanges=[cli_timeline.exchange(over, "")],
            not_said=["And parking?"],
            ended_by="the other side",
            saved="heard.wav",
        )
    )
    assert "you  Stop.  (over the bot, which fell silent 0.30 s later)" in text
    assert "bot  (nothing was heard)" in text
    assert "you  (not said) And parking?" in text
    assert "ended by the other side" in text and "saved to heard.wav" in text


def test_help_documents_every_key_of_the_json() -> None:
    text = " ".join(ask("--help").output.split())
    keys = [*told(), *told()["greeting"], *told()["rtp"]]
    assert [key for key in keys if key not in text] == []
