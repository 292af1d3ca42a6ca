"""The wire caller against SIPp, which echoes its RTP."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.rtp_wire import parsed
from tests.support.sipp import sipp_uas
from tests.support.wire import Packet, WirePhone, intervals_ms, level_db, lost


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with sipp_uas(tmp_path_factory.mktemp("uas")) as port:
        yield "127.0.0.1", port


def tone(seconds: float) -> np.ndarray:
    return (8000 * np.sin(np.arange(round(8000 * seconds)) * 2 * np.pi * 440 / 8000)).astype(
        np.int16
    )


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_speech_comes_back_as_it_left(echo: tuple[str, int], codec: str) -> None:
    async with WirePhone(echo) as phone:
        call = await phone.dial("1000", codecs=[codec])
        await call.say(tone(0.5))
        await call.quiet(0.1)
        assert await call.hang_up() == 200
    rtp = call.rtp
    assert call.status == 200 and call.ended_by == "caller"
    first = rtp.first_speech_heard()
    assert first is not None
    assert np.array_equal(rtp.heard(first, first + 0.49), rtp.spoken(*_speech(rtp))[: 25 * 160])
    assert abs(level_db(rtp.heard(first, first + 0.49)) - level_db(tone(0.5))) < 0.2


def _speech(rtp: object) -> tuple[float, float]:
    from tests.support.rtp_wire import RtpStream, is_speech

    assert isinstance(rtp, RtpStream)
    at = [packet.at for packet in rtp.sent if is_speech(packet, rtp.codec)]
    return at[0], at[-1] + 0.001


async def test_sending_is_not_disturbed_by_python_load(echo: tuple[str, int]) -> None:
    stop = threading.Event()

    def burn() -> None:
        while not stop.is_set():
            sum(range(10_000))

    burner = threading.Thread(target=burn)
    async with WirePhone(echo) as phone:
        call = await phone.dial("1000")
        burner.start()
        await call.say(tone(3))
        stop.set()
        burner.join()
        await call.hang_up()
    gaps = intervals_ms(call.rtp.sent)
    assert gaps["p50"] == pytest.approx(20, abs=0.5) and gaps["p99"] < 24
    assert lost(call.rtp.sent) == 0 and lost(call.rtp.received) == 0
    # same clock on both sides: an echo on loopback comes back within a millisecond or two
    back = {packet.seq: packet.at for packet in call.rtp.received}
    trips = [back[packet.seq] - packet.at for packet in call.rtp.sent if packet.seq in back]
    assert 0 < float(np.median(trips)) < 0.002


async def test_digits_share_the_timestamp_of_their_beginning(echo: tuple[str, int]) -> None:
    async with WirePhone(echo) as phone:
        call = await phone.dial("1000")
        call.rtp.press("4#", hold_ms=60)
        await asyncio.wait_for(call.rtp.drained.wait(), 5)
        await call.hang_up()
    events = [packet for packet in call.rtp.sent if packet.payload_type == 101]
    assert [packet.payload[0] for packet in events] == [4] * 5 + [11] * 5
    assert [bool(packet.payload[1] & 0x80) for packet in events[:5]] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert len({packet.timestamp for packet in events}) == 2


async def test_nobody_there_is_a_timeout() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        async with WirePhone(deaf.getsockname()) as phone:
            with pytest.raises(TimeoutError):
                await phone.options(timeout=0.2)


def test_loss_and_gaps_are_counted() -> None:
    packets = [
        Packet(n * 0.02, (65530 + n) & 0xFFFF, 0, 0, b"") for n in range(20) if n not in (5, 9)
    ]
    assert lost(packets) == 2
    assert intervals_ms(packets)["max"] == 40


def test_padding_extension_and_rubbish_are_read_rightly() -> None:
    header = bytes([0xB1, 0x80, 0, 7]) + bytes(8) + bytes(4) + bytes([0, 0, 0, 1]) + bytes(4)
    packet = parsed(1_000_000_000, header + b"abc" + bytes([0, 2]))
    assert packet is not None and packet.payload == b"abc" and packet.seq == 7 and packet.at == 1
    assert parsed(0, b"\x00\x01") is None
