"""Tapes: whole while they grow, whole after a kill, small, and never in the way of a call."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.resample import to_bus
from bot.errors import StoreError
from bot.store import lossless
from bot.store import tape as room
from bot.store.tape import Tape, flush_tapes, read_blocks, tape_path

PLENTY = 10_000_000


def joined(items: list[bytes]) -> bytes:
    return b"".join(items)


def new(path: Path, max_bytes: int = PLENTY) -> Tape[bytes]:
    return Tape(path, b"head", joined, max_bytes)


def finish(tape: Tape[bytes]) -> None:
    tape.close()
    assert tape.wait(10)


def second(tape: Tape[bytes], item: bytes) -> None:
    """One second of a call."""
    tape.add(item, BUS_HZ)


# ---- the file


def test_what_is_added_is_read_back_in_order(tmp_path: Path) -> None:
    tape = new(tmp_path / "new" / "a.tape")
    for item in (b"a", b"b", b"c"):
        second(tape, item)
    finish(tape)
    assert list(read_blocks(tape.path)) == [b"head", b"a", b"b", b"c"]
    assert tape.path.stat().st_mode & 0o777 == 0o600


def test_small_items_share_a_block(tmp_path: Path) -> None:
    tape = new(tmp_path / "a.tape")
    for _ in range(120):
        tape.add(b"x", BUS_HZ // 50)
    finish(tape)
    assert list(read_blocks(tape.path)) == [b"head", b"x" * 50, b"x" * 50, b"x" * 20]


def test_the_tape_is_readable_while_the_call_goes_on(tmp_path: Path) -> None:
    tape = new(tmp_path / "a.tape")
    assert flush_tapes()
    assert list(read_blocks(tape.path)) == [b"head"]
    second(tape, b"a")
    second(tape, b"b")  # may still be completed: not handed over yet
    assert flush_tapes()
    assert list(read_blocks(tape.path)) == [b"head", b"a"]
    finish(tape)


def tape_for_ever(path: Path, begun: int) -> None:
    tape = new(path, 10**12)
    while True:
        for n in range(25):
            second(tape, bytes([n]) * 100_000)
        flush_tapes()
        os.write(begun, b"x")


def test_kill_9_at_any_moment_leaves_whole_blocks(tmp_path: Path) -> None:
    """The child writes as fast as the disk takes it, so that the kill falls into a write."""
    for n in range(8):
        path = tmp_path / f"{n}.tape"
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            try:
                tape_for_ever(path, theirs)
            finally:
                os._exit(1)
        os.read(ours, n + 1)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        os.close(ours)
        os.close(theirs)
        head, *blocks = read_blocks(path)
        assert head == b"head" and len(blocks) >= 24
        assert blocks == [bytes([i % 25]) * 100_000 for i in range(len(blocks))]


def test_a_tape_cut_anywhere_gives_its_whole_blocks(tmp_path: Path) -> None:
    tape = new(tmp_path / "a.tape")
    for item in (b"first", b"second"):
        second(tape, item)
    finish(tape)
    whole = tape.path.read_bytes()
    first_line = whole.index(b"\n") + 1
    for length in range(first_line, len(whole)):
        tape.path.write_bytes(whole[:length])
        assert list(read_blocks(tape.path)) == [b"head", b"first", b"second"][: (
            (length >= first_line + 12) + (length >= first_line + 12 + 13)
        )]  # fmt: skip


def test_a_spoilt_block_ends_the_tape(tmp_path: Path) -> None:
    tape = new(tmp_path / "a.tape")
    for item in (b"first", b"second"):
        second(tape, item)
    finish(tape)
    tape.path.write_bytes(tape.path.read_bytes().replace(b"second", b"sexond"))
    assert list(read_blocks(tape.path)) == [b"head", b"first"]


def test_another_version_is_told_and_so_is_no_tape(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    path.write_bytes(b"telephone bot tape 7\n")
    with pytest.raises(StoreError, match=r"a tape of version 7, this bot reads version 1\. Replay"):
        list(read_blocks(path))
    path.write_bytes(b"RIFF....WAVE")
    with pytest.raises(StoreError, match="is no tape of a call"):
        list(read_blocks(path))
    with pytest.raises(StoreError, match="cannot be read"):
        list(read_blocks(tmp_path / "none.tape"))


def test_it_lies_beside_the_recording() -> None:
    path = tape_path(Path("var/recordings"), "20261122-210405-abcdef")
    assert path == Path("var/recordings/202611/20261122-210405-abcdef.tape")


# ---- trouble


def test_an_unwritable_place_ends_the_tape_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with capture_logs() as logged:
        tape = new(tmp_path / "file" / "49301234.tape")
        second(tape, b"a")
        finish(tape)
    assert tape.failed == "File exists"  # mkdir's word for a file in a folder's place
    assert [each["event"] for each in logged] == ["tape ended early"]
    assert "4930" not in repr(logged)


def test_a_tape_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.tape").write_bytes(b"kept")
    tape = new(tmp_path / "a.tape")
    finish(tape)
    assert tape.failed == "File exists"
    assert (tmp_path / "a.tape").read_bytes() == b"kept"


def test_a_full_disk_keeps_what_fitted(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the full disk: the kernel refuses to let the file grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    try:
        tape = new(tmp_path / "a.tape")
        for item in (b"a" * 100_000, b"b" * 100_000, b"c"):
            second(tape, item)
        finish(tape)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert tape.failed == "File too large"
    assert list(read_blocks(tape.path)) == [b"head", b"a" * 100_000]


def test_a_tape_stops_at_its_size(tmp_path: Path) -> None:
    tape = new(tmp_path / "a.tape", 1000)
    for item in (b"a" * 600, b"b" * 600, b"c"):
        second(tape, item)
    finish(tape)
    assert tape.failed is not None and "1000 bytes" in tape.failed
    assert list(read_blocks(tape.path)) == [b"head", b"a" * 600]


def test_what_cannot_be_packed_ends_the_tape_without_a_hole(tmp_path: Path) -> None:
    def picky(items: list[bytes]) -> bytes:
        if b"bad" in items:
            raise TypeError("a bug")
        return joined(items)

    tape: Tape[bytes] = Tape(tmp_path / "a.tape", b"head", picky, PLENTY)
    with capture_logs() as logged:
        for item in (b"good", b"bad", b"more"):
            second(tape, item)
        finish(tape)
    assert tape.failed == "its inputs could not be packed"
    assert list(read_blocks(tape.path)) == [b"head", b"good"]
    assert {each["event"] for each in logged} == {"tape ended early", "background job failed"}


def test_a_stalled_disk_neither_blocks_the_call_nor_fills_memory(tmp_path: Path) -> None:
    release = os.pipe()
    room._background.put(lambda: os.read(release[0], 1) and None)  # the disk does not come back
    tape = new(tmp_path / "a.tape")
    before = time.perf_counter()
    for _ in range(100):
        second(tape, b"x")
    took = time.perf_counter() - before
    os.write(release[1], b"x")
    finish(tape)
    assert tape.failed == "the disk is too slow"
    assert took < 0.5
    assert not tape._items


def test_a_fork_gets_a_writer_of_its_own(tmp_path: Path) -> None:
    finish(new(tmp_path / "parent.tape"))  # the parent's thread runs
    child = os.fork()
    if not child:
        tape = new(tmp_path / "child.tape")
        second(tape, b"a")
        tape.close()
        os._exit(0 if tape.wait(10) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(read_blocks(tmp_path / "child.tape")) == [b"head", b"a"]


# ---- samples


def noise(seconds: float, level: float, seed: int = 1) -> Samples:
    dice = np.random.default_rng(seed)
    return dice.normal(0, level, round(seconds * BUS_HZ)).clip(-32768, 32767).astype(np.int16)


def on_the_bus(hz: int) -> Samples:
    """Noise of a line sampled at `hz`, as it reaches the engine."""
    line = np.random.default_rng(2).normal(0, 1000, hz * 2).astype(np.int16)
    return to_bus(hz)(line)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.int16),
        np.array([7], np.int16),
        np.zeros(48_000, np.int16),
        np.array([-32768, 32767] * 50, np.int16),  # differences that wrap around
        np.array([32767, -32768, -32768, 0, 1, -1] * 9, np.int16),
        noise(1.0, 3000),
        noise(0.1, 30_000),
        on_the_bus(16_000),
    ],
    ids=["none", "one", "silence", "full-swing", "edges", "noise", "clipped", "line"],
)
def test_samples_come_back_bit_by_bit(samples: Samples) -> None:
    back = lossless.unpack(lossless.pack(samples))
    assert back.dtype == np.int16
    assert np.array_equal(back, samples)


def test_audio_of_a_telephone_takes_less_than_half() -> None:
    """Noise is the worst that can come; speech and silence take far less."""
    sound = on_the_bus(8000)
    assert len(lossless.pack(sound)) < sound.nbytes / 2
    assert len(lossless.pack(np.zeros(BUS_HZ, np.int16))) < 200
