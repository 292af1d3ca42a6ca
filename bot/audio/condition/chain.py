"""Which steps an utterance gets, and the running of them, always in the same order.

A chain that is applied to everything harms whisper (docs/speech.md): a step that changes what is
heard runs only where the measured noise says that it helps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bot.audio.condition import filters, levels
from bot.audio.condition.filters import Signal
from bot.audio.condition.noise import suppress_noise
from bot.audio.frame import FULL_SCALE, Samples
from bot.audio.resample import to_int16


class Step(StrEnum):
    """The steps, in the order in which they run."""

    DC_REMOVAL = "dc_removal"
    HIGH_PASS = "high_pass"  # noqa: S105
    LOW_PASS = "low_pass"  # noqa: S105
    NOISE_SUPPRESSION = "noise_suppression"
    GAIN_CONTROL = "agc"
    SPEECH_EMPHASIS = "speech_emphasis"
    PEAK_NORMALISATION = "peak_normalisation"
    CLIP_PREVENTION = "clip_prevention"


@dataclass(frozen=True, slots=True)
class Material:
    """What a step may look at besides the signal."""

    rate_hz: int
    noise: Signal  # of the same line without voices, at the same rate


RUN: dict[Step, Callable[[Signal, Material], Signal]] = {
    Step.DC_REMOVAL: lambda signal, _: filters.remove_dc(signal),
    Step.HIGH_PASS: lambda signal, told: filters.high_pass(signal, told.rate_hz),
    Step.LOW_PASS: lambda signal, told: filters.low_pass(signal, told.rate_hz),
    Step.NOISE_SUPPRESSION: lambda signal, told: suppress_noise(signal, told.noise, told.rate_hz),
    Step.GAIN_CONTROL: lambda signal, told: levels.control_gain(signal, told.rate_hz),
    Step.SPEECH_EMPHASIS: lambda signal, told: filters.emphasise_speech(signal, told.rate_hz),
    Step.PEAK_NORMALISATION: lambda signal, _: levels.normalise_peak(signal),
    Step.CLIP_PREVENTION: lambda signal, _: levels.prevent_clipping(signal),
}


def choose(
    allowed: Collection[Step], below_snr_db: float, snr_db: float, *, steady_noise: bool
) -> tuple[Step, ...]:
    """Those of the allowed steps that audio with this much signal to noise gets, in order.

    Voices in the background are not suppressed: their spectrum is another one by the time the
    caller speaks, and what is left of the speech makes whisper repeat itself.
    """
    if snr_db >= below_snr_db:
        return ()
    wanted = (step for step in Step if step in allowed)
    return tuple(step for step in wanted if steady_noise or step is not Step.NOISE_SUPPRESSION)


def condition(samples: Samples, noise: Samples, rate_hz: int, steps: Collection[Step]) -> Samples:
    """`samples` (n,) after the steps; both runs of audio at `rate_hz`. Without steps untouched."""
    if not steps or not len(samples):
        return samples
    signal = samples.astype(np.float32) / np.float32(FULL_SCALE)
    told = Material(rate_hz, noise.astype(np.float32) / np.float32(FULL_SCALE))
    for step in Step:
        if step in steps:
            signal = RUN[step](signal, told)
    return to_int16(signal * np.float32(FULL_SCALE))
