"""SIPp as somebody else's caller."""

import os
import shutil
import wave
from pathlib import Path

import pytest

from tests.support.bot_process import BotProcess
from tests.support.pcap import digits_pcap
from tests.support.phone import spoken
from tests.support.records import events_of, newest_record
from tests.support.sipp import run_sipp
from tests.support.wire import PCMU, WirePhone


@pytest.mark.parametrize("transport", ["u1", "t1"], ids=["udp", "tcp"])
def test_call_with_speech_and_bye(switchboard: BotProcess, tmp_path: Path, transport: str) -> None:
    (tmp_path / "speech.ulaw").write_bytes(PCMU.encode(spoken("Hello. What time do you open?")))
    result = run_sipp("call", switchboard.sip, tmp_path, transport=transport)
    assert result.code == 0, result.output
    record = newest_record(switchboard, "1000")
    assert record["codec"] == "PCMU" and record["caller"] == "4930555"
    assert record["answered"] and "caller" in record["end_reason"]
    assert record["rtp_received"] > 60, "2.5 s of speech were sent"
    with wave.open(record["recording"]) as recording:
        assert recording.getnchannels() == 2
        assert recording.getnframes() / recording.getframerate() > 2


def test_cancel_while_it_rings(switchboard: BotProcess, tmp_path: Path) -> None:
    result = run_sipp("cancel", switchboard.sip, tmp_path, number="1003")
    assert result.code == 0, result.output
    record = newest_record(switchboard, "1003")
    assert record["answered"] is None and "cancel" in record["end_reason"]


async def test_fifth_call_is_busy(
    switchboard: BotProcess, phone: WirePhone, tmp_path: Path
) -> None:
    calls = [await phone.dial("1000") for _ in range(4)]
    assert [call.status for call in calls] == [200] * 4
    result = run_sipp("busy", switchboard.sip, tmp_path)
    assert result.code == 0, result.output
    assert [call.ended_by for call in calls] == [None] * 4, "the four that were up stay up"
    await calls[0].hang_up()
    after = await phone.dial("1000")
    assert after.status == 200, "a line that was freed can be used again"


def test_number_nobody_answers(switchboard: BotProcess, tmp_path: Path) -> None:
    result = run_sipp("not_found", switchboard.sip, tmp_path, number="7777")
    assert result.code == 0, result.output


@pytest.mark.parametrize("caller", ["wire", "sipp"] if os.geteuid() == 0 else ["wire"])
async def test_digits_stand_in_the_record(
    switchboard: BotProcess, phone: WirePhone, tmp_path: Path, caller: str
) -> None:
    # SIPp replays a pcap through a raw socket, which needs root; our own caller does not
    if caller == "sipp":
        digits_pcap(tmp_path / "digits.pcap", "42*#")
        result = run_sipp("digits", switchboard.sip, tmp_path)
        assert result.code == 0, result.output
    else:
        call = await phone.dial("1000")
        call.rtp.press("42*#")
        await call.rtp.drained.wait()
        await call.hang_up()
    record = newest_record(switchboard, "1000")
    digits = events_of(switchboard, record["leg_id"], "digit")
    assert "".join(each["digit"] for each in digits) == "42*#"


def test_sipp_is_installed() -> None:
    assert shutil.which("sipp"), "apt-get install sip-tester"
