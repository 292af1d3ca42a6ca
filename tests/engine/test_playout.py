"""The bot's mouth: order, pauses at the exact sample, and what was heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.frame import FRAME_SAMPLES
from bot.engine.playout import FADE_SAMPLES, Playout


def ramp(samples: int) -> np.ndarray:
    return (np.arange(samples) % 20_000 + 1).astype(np.int16)


def filled(text: str = "one two three four five", seconds: float = 1.0) -> Playout:
    playout = Playout()
    playout.add(0, text)
    playout.feed(0, ramp(round(seconds * 48_000)))
    playout.finish(0)
    return playout


def test_clauses_are_played_in_order_whatever_order_their_audio_comes_in() -> None:
    playout = Playout()
    playout.add(0, "first")
    playout.add(1, "second")
    playout.feed(1, np.full(960, 2, np.int16))
    playout.finish(1)
    assert playout.frame()[1] is False, "the second waits for the first"
    playout.feed(0, np.full(960, 1, np.int16))
    playout.finish(0)
    assert [int(playout.frame()[0][0]) for _ in range(3)] == [1, 2, 0]
    assert playout.drained and playout.heard() == "first second"


def test_a_pause_loses_and_repeats_nothing() -> None:
    playout = filled()
    before = [playout.frame()[0] for _ in range(10)]
    faded = playout.pause()
    assert abs(int(faded[FADE_SAMPLES - 1])) < 60 and not faded[FADE_SAMPLES:].any()
    assert not playout.frame()[0].any()
    playout.resume()
    after = [playout.frame()[0] for _ in range(40)]
    played = np.concatenate([*before, *after])
    whole = ramp(48_000)
    cut = 9600
    assert np.array_equal(played[:cut], whole[:cut])
    assert np.array_equal(played[cut + FADE_SAMPLES : 48_000], whole[cut + FADE_SAMPLES :])
    assert abs(int(played[cut])) <= 1, "it fades in again"


@given(frames=st.integers(0, 60), words=st.integers(1, 30))
def test_heard_is_a_prefix_at_a_word_boundary(frames: int, words: int) -> None:
    text = " ".join(f"w{i}" for i in range(words))
    playout = filled(text)
    for _ in range(frames):
        playout.frame()
    heard = playout.heard()
    assert heard == "" or text == heard or text.startswith(heard + " ")
    if frames >= 50:
        assert heard == text


def test_a_filler_is_heard_first_and_counts_for_nothing() -> None:
    playout = Playout()
    playout.add(0, "reply")
    playout.add(1, "One moment.", aside=True)
    playout.feed(1, np.full(960, 7, np.int16))
    playout.finish(1)
    playout.feed(0, np.full(960, 3, np.int16))
    playout.finish(0)
    assert [int(playout.frame()[0][0]) for _ in range(2)] == [7, 3]
    assert playout.heard() == "reply"


def test_a_filler_that_is_late_holds_nothing_up() -> None:
    playout = Playout()
    playout.add(0, "One moment.", aside=True)
    playout.add(1, "reply")
    playout.feed(1, np.full(960, 3, np.int16))
    assert playout.frame()[0][0] == 3


def test_a_voice_that_breaks_off_was_heard_as_far_as_it_came() -> None:
    playout = Playout()
    playout.add(0, "one two three four five six seven eight")
    playout.feed(0, ramp(48_000))
    for _ in range(50):
        playout.frame()
    playout.fail(0)
    assert playout.drained
    heard = playout.heard()
    assert heard and "one two three four five six seven eight".startswith(heard)


def words_with_gaps() -> np.ndarray:
    """Ten words of 0.3 s with gaps of 60 ms, each word at a level of its own."""
    return np.concatenate(
        [np.concatenate([np.full(14_400, 1000 + 100 * n), np.zeros(2880)]) for n in range(10)]
    ).astype(np.int16)


@pytest.mark.parametrize("frames", [7, 25, 40, 61])
def test_after_a_long_gap_the_last_word_is_said_again(frames: int) -> None:
    playout, sound = Playout(), words_with_gaps()
    playout.add(0, "one two three four five six seven eight nine ten")
    playout.feed(0, sound)
    playout.finish(0)
    for _ in range(frames):
        playout.frame()
    playout.pause()
    playout.resume(gap_s=2.0)
    again, _ = playout.frame()
    word = (frames * FRAME_SAMPLES) // 17_280
    begin = again[480:].max()
    assert begin == 1000 + 100 * word, "from the word that was cut"
    rest = sum(len(np.flatnonzero(playout.frame()[0])) for _ in range(400))
    assert rest > 0 and playout.drained and playout.heard().endswith("ten")


def test_a_short_gap_repeats_nothing() -> None:
    playout = Playout()
    playout.add(0, "one two three")
    playout.feed(0, np.arange(1, 48_001, dtype=np.int64).clip(0, 32_000).astype(np.int16))
    for _ in range(5):
        playout.frame()
    playout.pause()
    playout.resume(gap_s=0.6)
    frame, _ = playout.frame()
    assert frame[-1] == 6 * FRAME_SAMPLES


def test_what_is_written_is_told_and_what_is_spoken_is_timed() -> None:
    playout = Playout()
    playout.add(0, "forty-two point five percent", written="42.5 %")
    assert playout.reply() == "42.5 %" and 1.9 < playout.ahead_s < 2.1
    playout.feed(0, np.ones(48_000, np.int16))
    playout.finish(0)
    assert playout.ahead_s == 1.0
    while not playout.drained:
        playout.frame()
    assert playout.heard() == "42.5 %"
