"""Recordings: right while they grow, right after a kill, and never in the way of a call."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from bot.audio import wav
from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Samples
from bot.store.recording import StereoRecording, failures, flush_recordings


def tone(hz: float, seconds: float, amplitude: float = 10_000) -> Samples:
    at = np.arange(int(seconds * BUS_HZ)) / BUS_HZ
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def record(recording: StereoRecording, caller: Samples, bot: Samples) -> None:
    for at in range(0, len(caller), FRAME_SAMPLES):
        recording.write(caller[at : at + FRAME_SAMPLES], bot[at : at + FRAME_SAMPLES])


def finish(recording: StereoRecording) -> None:
    recording.close()
    assert recording.wait(10)


def test_caller_is_left_and_bot_is_right_sample_for_sample(tmp_path: Path) -> None:
    caller, bot = tone(440, 1.3), tone(1000, 1.3)
    recording = StereoRecording(tmp_path / "new" / "a.wav", BUS_HZ)
    record(recording, caller, bot)
    finish(recording)
    (left, right), rate_hz = wav.decode(recording.path.read_bytes())
    assert rate_hz == BUS_HZ
    assert np.array_equal(left, caller)
    assert np.array_equal(right, bot)
    assert recording.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_lower_rates_keep_level_pitch_and_side(tmp_path: Path, rate_hz: int) -> None:
    recording = StereoRecording(tmp_path / "a.wav", rate_hz)
    record(recording, tone(1000, 2), np.zeros(2 * BUS_HZ, np.int16))
    finish(recording)
    channels, rate = wav.decode(recording.path.read_bytes())
    assert (rate, channels.shape) == (rate_hz, (2, 2 * rate_hz))
    steady = channels[0, rate_hz // 2 :].astype(float)
    spectrum = np.abs(np.fft.rfft(steady))
    assert np.argmax(spectrum) * rate_hz / len(steady) == 1000
    assert np.sqrt(2 * np.mean(steady**2)) == pytest.approx(10_000, rel=0.01)
    assert not channels[1].any()


def test_the_file_is_playable_while_the_call_goes_on(tmp_path: Path) -> None:
    recording = StereoRecording(tmp_path / "a.wav", 16_000)
    assert flush_recordings()
    with wave.open(str(recording.path)) as begun:
        assert begun.getnframes() == 0
    record(recording, tone(440, 1.2), tone(440, 1.2))
    assert flush_recordings()
    with wave.open(str(recording.path)) as grown:
        assert grown.getnframes() == 16_000  # two blocks; 0.2 s still in memory
    finish(recording)
    with wave.open(str(recording.path)) as whole:
        assert whole.getnframes() == 1.2 * 16_000


def record_for_ever(path: Path, begun: int) -> None:
    recording = StereoRecording(path, BUS_HZ)
    ramp = np.arange(FRAME_SAMPLES, dtype=np.int16)
    while True:
        for _ in range(25):
            recording.write(ramp, -ramp)
        flush_recordings()
        os.write(begun, b"x")


def test_kill_9_at_any_moment_leaves_a_playable_file(tmp_path: Path) -> None:
    """The child writes as fast as the disk takes it, so that the kill falls into a write."""
    for n in range(12):
        path = tmp_path / f"{n}.wav"
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            try:
                record_for_ever(path, theirs)
            finally:
                os._exit(1)
        os.read(ours, n + 1)  # at least one block is there
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        os.close(ours)
        os.close(theirs)
        with wave.open(str(path)) as left:
            frames = left.readframes(left.getnframes())
        assert len(frames) > 0
        assert len(frames) % (24_000 * 4) == 0  # whole blocks only
        caller, bot = wav.deinterleave(frames, 2)
        assert np.array_equal(caller, np.resize(np.arange(960), len(caller)))
        assert np.array_equal(bot, -caller)
        played = subprocess.run(
            ["sox", str(path), "-n", "stat"], capture_output=True, text=True, check=True
        )
        assert int(played.stderr.split()[2]) == len(frames) // 2  # "Samples read: n"


def test_an_unwritable_place_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = failures()
    with capture_logs() as logged:
        recording = StereoRecording(tmp_path / "file" / "49301234.wav", 16_000)
        record(recording, tone(440, 2), tone(440, 2))
        finish(recording)
    assert recording.failed == "File exists"  # mkdir's word for a file in a folder's place
    assert failures() == before + 1
    assert len(logged) == 1
    assert "4930" not in repr(logged)


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"kept")
    recording = StereoRecording(tmp_path / "a.wav", 16_000)
    finish(recording)
    assert recording.failed == "File exists"
    assert (tmp_path / "a.wav").read_bytes() == b"kept"


def test_a_full_disk_keeps_what_fitted(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the full disk: the kernel refuses to let the file grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    try:
        recording = StereoRecording(tmp_path / "a.wav", BUS_HZ)
        record(recording, tone(440, 3), tone(440, 3))
        finish(recording)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert recording.failed == "File too large"
    with wave.open(str(recording.path)) as kept:
        assert kept.getnframes() == BUS_HZ // 2  # 96 kB fitted, the second block did not
    assert recording.path.stat().st_size == wav.HEADER_BYTES + 96_000


def test_a_stalled_disk_neither_blocks_the_call_nor_fills_memory(tmp_path: Path) -> None:
    fifo = tmp_path / "stalled.wav"
    blocker = StereoRecording(tmp_path / "blocker.wav", BUS_HZ)
    release = os.pipe()
    from bot.store import recording as room

    room._writer().put(lambda: os.read(release[0], 1) and None)  # the disk does not come back
    recording = StereoRecording(fifo, BUS_HZ)
    before = time.perf_counter()
    record(recording, tone(440, 40), tone(440, 40))
    took = time.perf_counter() - before
    os.write(release[1], b"x")
    finish(recording)
    finish(blocker)
    assert recording.failed == "the disk is too slow"
    assert blocker.failed is None
    assert took < 1  # 2000 frames, 40 s of a call
    assert not recording._left


def test_a_fork_gets_a_writer_of_its_own(tmp_path: Path) -> None:
    assert flush_recordings()
    finish(StereoRecording(tmp_path / "parent.wav", BUS_HZ))  # the parent's thread runs
    child = os.fork()
    if not child:
        recording = StereoRecording(tmp_path / "child.wav", BUS_HZ)
        record(recording, tone(440, 1), tone(440, 1))
        recording.close()
        os._exit(0 if recording.wait(10) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with wave.open(str(tmp_path / "child.wav")) as written:
        assert written.getnframes() == BUS_HZ


@pytest.mark.parametrize(("caller", "bot"), [(960, 959), (961, 961)])
def test_blocks_that_would_shift_the_channels_are_refused(
    tmp_path: Path, caller: int, bot: int
) -> None:
    recording = StereoRecording(tmp_path / "a.wav", 16_000)
    with pytest.raises(ValueError, match="cannot record"):
        recording.write(np.zeros(caller, np.int16), np.zeros(bot, np.int16))
    finish(recording)
