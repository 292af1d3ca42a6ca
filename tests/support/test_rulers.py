"""The rulers themselves, on sounds whose level and pitch are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.p56 import active_level_db
from tests.support.pitch import ratio, track

HZ = 16_000
AT = np.arange(4 * HZ) / HZ


@pytest.mark.parametrize("level_db", [-40.0, -26.0, -19.0])
def test_pauses_do_not_count_in_an_active_level(level_db: float) -> None:
    tone = 32768 * 2**0.5 * 10 ** (level_db / 20) * np.sin(2 * np.pi * 300 * AT)
    assert active_level_db(tone, HZ) == pytest.approx(level_db, abs=0.05)
    half = np.where(AT % 2 < 1, tone, 0)  # 1 s on, 1 s off; the envelope's hangover counts
    assert active_level_db(half, HZ) == pytest.approx(level_db - 10 * np.log10(1.25), abs=0.4)
    assert active_level_db(half, HZ) > 10 * np.log10((half**2).mean() / 32768**2) + 1.5


def test_silence_has_no_level() -> None:
    with pytest.raises(ValueError, match="no active level"):
        active_level_db(np.zeros(HZ), HZ)


def hum(f0_hz: float) -> np.ndarray:
    return 3000 * sum(np.cos(2 * np.pi * f0_hz * k * AT) / k for k in range(1, 12))


@pytest.mark.parametrize("f0_hz", [60.0, 95.0, 140.0, 230.0])
def test_the_pitch_of_a_hum_is_found(f0_hz: float) -> None:
    assert np.median(track(hum(f0_hz), HZ)) == pytest.approx(f0_hz, rel=0.005)
    assert ratio(hum(1.26 * f0_hz), hum(f0_hz), HZ) == pytest.approx(1.26, rel=0.005)


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, len(AT))
    with pytest.raises(ValueError, match="voiced"):
        ratio(noise, hum(100), HZ)
