"""What a caller hears while it rings: the tones of ITU-T E.180, supplement 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Frame

LEVEL_DB = -19.0  # of the whole tone, dBFS: as loud as the bot's voice
EDGE = BUS_HZ * 5 // 1000  # samples over which a tone comes and goes, so that nothing clicks


@dataclass(frozen=True, slots=True)
class Ringback:
    """A country's."""

    tones_hz: tuple[float, ...]
    cadence: tuple[float, ...]  # seconds on, off, on, off …


MOST = Ringback((425.0,), (1.0, 4.0))
NORTH_AMERICA = Ringback((440.0, 480.0), (2.0, 4.0))
BRITAIN = Ringback((400.0, 450.0), (0.4, 0.2, 0.4, 2.0))
RINGBACK = {
    **dict.fromkeys(("US", "CA", "PR", "JM", "BS", "DO"), NORTH_AMERICA),
    **dict.fromkeys(("GB", "IE", "AU", "NZ", "SG", "HK", "ZA"), BRITAIN),
}
"""By region of phonenumbers; elsewhere it is MOST."""


def ringback(region: str = "") -> Iterator[Frame]:
    """The country's tone frame by frame, without end."""
    told = RINGBACK.get(region, MOST)
    parts = [
        _tone(told.tones_hz, seconds) if number % 2 == 0 else _quiet(seconds)
        for number, seconds in enumerate(told.cadence)
    ]
    whole = np.concatenate(parts)
    whole = whole[: len(whole) // FRAME_SAMPLES * FRAME_SAMPLES]
    return cycle(whole.reshape(-1, FRAME_SAMPLES))


def _tone(tones_hz: tuple[float, ...], seconds: float) -> Frame:
    at = np.arange(round(seconds * BUS_HZ)) / BUS_HZ
    mixed = np.sum([np.sin(2 * np.pi * hz * at) for hz in tones_hz], axis=0)
    peak = 32768 * 10 ** (LEVEL_DB / 20) * np.sqrt(2 / len(tones_hz))
    rise = np.minimum(1.0, np.minimum(np.arange(len(at)), np.arange(len(at))[::-1]) / EDGE)
    tone: Frame = np.rint(mixed * peak * rise).astype(np.int16)
    return tone


def _quiet(seconds: float) -> Frame:
    return np.zeros(round(seconds * BUS_HZ), np.int16)
