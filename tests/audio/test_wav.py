"""WAV bytes, read back by other people's readers."""

from __future__ import annotations

import io
import struct
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio import wav

RAMP = np.arange(-500, 500, dtype=np.int16)


def test_the_standard_library_reads_what_is_encoded() -> None:
    with wave.open(io.BytesIO(wav.encode(RAMP, 16_000))) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (16_000, 1, 2)
        assert read.readframes(2000) == RAMP.tobytes()


def test_sox_reads_what_is_encoded(tmp_path: Path) -> None:
    stereo = wav.interleave(RAMP, RAMP[::-1])
    (tmp_path / "a.wav").write_bytes(wav.header(8000, 2, len(stereo)) + stereo)
    told = subprocess.run(
        ["soxi", str(tmp_path / "a.wav")], capture_output=True, text=True, check=True
    )
    assert told.stderr == ""
    assert "Channels       : 2" in told.stdout
    assert "= 1000 samples" in told.stdout


@given(
    st.lists(st.integers(-32768, 32767), max_size=40),
    st.sampled_from([8000, 16_000, 22_050, 48_000]),
)
def test_what_is_encoded_is_decoded(values: list[int], rate_hz: int) -> None:
    samples = np.array(values, np.int16)
    channels, rate = wav.decode(wav.encode(samples, rate_hz))
    assert rate == rate_hz
    assert channels.shape == (1, len(values))
    assert np.array_equal(channels[0], samples)


def test_channels_come_apart_as_they_were_woven() -> None:
    left, right = wav.deinterleave(wav.interleave(RAMP, RAMP[::-1]) + b"\x01\x02\x03", 2)
    assert np.array_equal(left, RAMP)
    assert np.array_equal(right, RAMP[::-1])


def test_unequal_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="1000 and 999"):
        wav.interleave(RAMP, RAMP[1:])


def test_other_chunks_and_the_extensible_format_are_read() -> None:
    fmt = struct.pack("<HHIIHH", 0xFFFE, 2, 44_100, 44_100 * 4, 4, 16)
    fmt += struct.pack("<HHI", 22, 16, 3) + struct.pack("<H", 1) + bytes(14)
    body = wav.interleave(RAMP, RAMP)
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # padded to even length
    chunks += b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"data" + struct.pack("<I", len(body)) + body
    file = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks + b"tail"
    info = wav.parse(file)
    assert (info.rate_hz, info.channels, info.data_bytes) == (44_100, 2, len(body))
    assert file[info.data_at : info.data_at + info.data_bytes] == body


@pytest.mark.parametrize("promised", [0, 0xFFFFFFFF, 5000])
def test_a_stream_that_did_not_know_its_size_is_read_to_its_end(promised: int) -> None:
    data = wav.header(22_050, 1, 0)[:40] + struct.pack("<I", promised) + RAMP.tobytes() + b"\x07"
    assert wav.parse(data).data_bytes == 2000
    assert wav.parse(data).seconds == pytest.approx(1000 / 22_050)


def broken(**changes: tuple[int, bytes]) -> bytes:
    data = bytearray(wav.encode(RAMP, 8000))
    for at, new in changes.values():
        data[at : at + len(new)] = new
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "RIFF"),
        (broken(a=(0, b"RIFX")), "RIFF"),
        (broken(a=(20, b"\x07\0")), "format 7"),
        (broken(a=(34, b"\x08\0")), "8 bits"),
        (broken(a=(24, b"\0\0\0\0")), "contradicts"),
        (broken(a=(22, b"\0\0")), "contradicts"),
        (broken(a=(36, b"junk")), "no samples"),
        (broken(a=(12, b"junk")), "before their format"),
        (wav.encode(RAMP, 8000)[:30], "cut off"),
        (wav.encode(RAMP, 8000)[:40], "no samples"),
    ],
)
def test_anything_else_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wav.parse(data)


def test_a_header_cannot_promise_more_than_32_bit_hold() -> None:
    assert wav.header(8000, 2, wav.MAX_DATA_BYTES)[4:8] == struct.pack("<I", 0xFFFFFFFF - 8)
    with pytest.raises(ValueError, match="at most"):
        wav.header(8000, 2, wav.MAX_DATA_BYTES + 1)
