"""Does our voice come back in what we hear, and how late? Half a second is correlated at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.engine.echo_signal import HZ, Signal

MAX_DELAY = round(0.52 * HZ)  # the longest echo path that is looked for
WINDOW = round(0.5 * HZ)  # of what was heard, in one look
FOUND = 0.3  # correlation of 1 that is a match for sure in one look,
SUSPECTED = 0.16  # one that is a match if it comes back at the same place
SAME_PLACE = 24  # samples: 3 ms
AUDIBLE_DB = -55.0  # our differences below this, over a window, leave no echo worth a look
QUIET_ENERGY = WINDOW * 10 ** (AUDIBLE_DB / 10) * 32768**2


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found."""

    delay: int | None = None  # samples to our voice in what was heard, if it is there
    clean: bool = False  # our voice would have come back by now from anywhere, and did not


class EchoFinder:
    """One per call; remembers what it suspected in the look before."""

    def __init__(self) -> None:
        self._suspect: int | None = None

    def look(self, heard: Signal, sent: Signal) -> Look:
        """`heard`: the last WINDOW samples; `sent`: the last WINDOW + MAX_DELAY of ours."""
        theirs, ours = _sharpened(heard), _sharpened(sent)
        energy = np.cumsum(np.concatenate([[0.0], ours**2]))
        sent_energy = energy[WINDOW:] - energy[: len(energy) - WINDOW]
        if sent_energy.max() < QUIET_ENERGY:
            return Look()
        match = _correlated(theirs, ours)
        alike = np.abs(match) / np.sqrt(sent_energy * float(theirs @ theirs) + WINDOW)
        at = int(np.argmax(alike))
        return self._judge(MAX_DELAY - at, float(alike[at]), bool(sent_energy[0] > QUIET_ENERGY))

    def _judge(self, delay: int, alike: float, reached: bool) -> Look:
        """A match, a suspicion, or another sign that there is no echo."""
        again = self._suspect is not None and abs(delay - self._suspect) <= SAME_PLACE
        self._suspect = delay if alike >= SUSPECTED else None
        if alike >= FOUND or (alike >= SUSPECTED and again):
            return Look(delay)
        return Look(clean=alike < SUSPECTED and reached)


def _correlated(theirs: Signal, ours: Signal) -> Signal:
    """`theirs` against each stretch of `ours` that is as long."""
    size = 1 << (len(ours) - 1).bit_length()
    spectrum = np.fft.rfft(theirs, size).conj() * np.fft.rfft(ours, size)
    match = np.fft.irfft(spectrum, size)[: len(ours) - len(theirs) + 1]
    return match.astype(np.float32, copy=False)


def _sharpened(signal: Signal) -> Signal:
    """Differences: flattens the spectrum of speech, so that a match is a narrow peak."""
    return np.diff(signal, prepend=signal[:1])
