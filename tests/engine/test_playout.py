"""The bot's mouth: order, pauses at the exact sample, and what was heard."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
