"""Ringback tones by their spectrum, cadence and level."""

from itertools import islice

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_S, level_db
from bot.audio.tones import RINGBACK, ringback


@pytest.mark.parametrize(
    ("region", "tones_hz", "on_s", "period_s"),
    [("DE", [425], 1.0, 5.0), ("US", [440, 480], 2.0, 6.0), ("GB", [400, 450], 0.4, 3.0)],
)
def test_each_country_rings_its_own_way(
    region: str, tones_hz: list[float], on_s: float, period_s: float
) -> None:
    frames = list(islice(ringback(region), round(2 * period_s / FRAME_S)))
    first = np.concatenate(frames[: round(on_s / FRAME_S)]).astype(float)
    spectrum = np.abs(np.fft.rfft(first * np.hanning(len(first))))
    loudest = sorted(np.argsort(spectrum)[::-1][: 3 * len(tones_hz)] * BUS_HZ / len(first))
    assert loudest[0] == pytest.approx(tones_hz[0], abs=4)
    assert loudest[-1] == pytest.approx(tones_hz[-1], abs=4)
    assert level_db(first) == pytest.approx(-19, abs=0.3)
    again = round(period_s / FRAME_S)
    assert all(np.array_equal(a, b) for a, b in zip(frames, frames[again:], strict=False))
    assert not frames[again - 1].any()


def test_it_clicks_nowhere() -> None:
    for region in ("", *RINGBACK):
        sound = np.concatenate(list(islice(ringback(region), 400))).astype(int)
        assert np.abs(np.diff(sound)).max() < 700
