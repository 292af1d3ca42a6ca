"""Our block by block active level against ITU-T P.56 sample by sample."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.active_level import MEMORY_S, VoiceLevel
from bot.audio.frame import QUIETEST_DB
from bot.audio.leveller import Leveller
from bot.providers.mock import buzz
from tests.support.p56 import active_level_db

HZ = 16_000


def speech(seed: int, seconds: float, level_db: float = -26.0) -> np.ndarray:
    """Words of 0.1 to 0.4 s, some louder, pauses between some of them; active level `level_db`."""
    dice = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < seconds * HZ:
        word = buzz(0, int(dice.uniform(0.1, 0.4) * HZ), dice.uniform(90, 200))
        parts.append(dice.uniform(0.2, 1.0) * word)
        parts.append(dice.normal(0, 3, int(dice.choice([0.02, 0.06, 0.5]) * HZ)))
    sound = np.concatenate(parts)
    return (sound * 10 ** ((level_db - active_level_db(sound, HZ)) / 20)).astype(np.int16)


def measured(*clauses: np.ndarray) -> tuple[float, float]:
    voice = VoiceLevel()
    for clause in clauses:
        Leveller(voice, HZ).feed(clause)
    return voice.measure()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("level_db", [-45.0, -16.0])
def test_the_level_is_that_of_the_recommendation(seed: int, level_db: float) -> None:
    clause = speech(seed, 3, level_db)
    assert measured(clause)[0] == pytest.approx(active_level_db(clause, HZ), abs=0.25)


def test_several_clauses_are_one_voice() -> None:
    clauses = [speech(seed, 2, -30 + 2 * seed) for seed in range(4)]
    level_db, seconds = measured(*clauses)
    assert level_db == pytest.approx(active_level_db(np.concatenate(clauses), HZ), abs=0.3)
    assert 4 < seconds < 10


def test_of_silence_nothing_is_known() -> None:
    assert measured() == (QUIETEST_DB, 0.0)
    assert measured(np.zeros(HZ, np.int16)) == (QUIETEST_DB, 0.0)


def test_a_voice_that_changes_is_learnt_anew() -> None:
    voice = VoiceLevel()
    for level_db, seconds in ((-20, 3 * MEMORY_S), (-32, 4 * MEMORY_S)):
        Leveller(voice, HZ).feed(speech(1, seconds, level_db))
    assert -32.5 < voice.measure()[0] < -30
