"""Who is close to the telephone, and who is behind the caller."""

from __future__ import annotations

import pytest

from bot.audio.vad import Heard
from bot.engine.foreground import BEHIND_CALLER_DB, BELOW_CALLER_DB, Foreground

NOISY_DB = -50.0


def speech(level_db: float, floor_db: float = NOISY_DB) -> Heard:
    return Heard(True, level_db, floor_db)


def known(level_db: float) -> Foreground:
    foreground = Foreground()
    foreground.caller_said(level_db)
    return foreground


def test_before_the_caller_is_known_the_noise_decides() -> None:
    assert Foreground().over_bot(speech(-39.0), 10.0, 1.0)
    assert not Foreground().over_bot(speech(-41.0), 10.0, 1.0)
    assert Foreground().alone(speech(-45.0), None)


def test_a_voice_far_below_the_callers_does_not_interrupt() -> None:
    foreground = known(-25.0)
    assert foreground.over_bot(speech(-25.0 - BELOW_CALLER_DB + 0.5), 10.0, 1.0)
    assert not foreground.over_bot(speech(-25.0 - BELOW_CALLER_DB - 0.5), 10.0, 2.0)


def test_a_weak_consonant_after_a_vowel_belongs_to_the_word() -> None:
    foreground = known(-25.0)
    weak = speech(-44.0)
    assert not foreground.over_bot(weak, 10.0, 1.0)
    assert foreground.over_bot(speech(-25.0), 10.0, 1.02)
    assert foreground.over_bot(weak, 10.0, 1.1)
    assert not foreground.over_bot(weak, 10.0, 1.3), "too long for a consonant"


def test_voices_of_a_room_keep_no_turn_open() -> None:
    foreground = Foreground()
    assert not foreground.alone(speech(-25.0 - BEHIND_CALLER_DB - 1), current_db=-25.0)
    assert foreground.alone(speech(-30.0), current_db=-25.0)
    assert not known(-25.0).alone(speech(-40.0), None), "nor do they begin one"


def test_on_a_quiet_line_every_voice_counts() -> None:
    assert known(-20.0).alone(speech(-48.0, floor_db=-66.0), None)


@pytest.mark.parametrize("weaker_db", [16.0, 20.0])
def test_a_caller_who_has_moved_away_is_heard_again(weaker_db: float) -> None:
    foreground = known(-22.0)
    weak = speech(-22.0 - weaker_db)
    tries = next(n for n in range(1000) if foreground.alone(weak, None))
    assert tries * 0.02 < 8.0
    foreground.caller_said(weak.level_db)
    foreground.caller_said(weak.level_db)
    assert foreground.alone(speech(weak.level_db - 3), None), "and known as so weak"
