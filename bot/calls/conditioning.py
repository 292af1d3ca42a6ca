"""What an utterance goes through before it is transcribed, and what is told of it."""

from __future__ import annotations

from bot.audio.condition.chain import Step, choose, condition
from bot.audio.frame import BUS_HZ, Samples
from bot.audio.metrics import snr_over, steady
from bot.audio.resample import resample_clip
from bot.config import Conditioning
from bot.engine.actions import Transcribe
from bot.store.recorder import TurnColumns


class Conditioner:
    """One per call; keeps nothing of it."""

    def __init__(self, settings: Conditioning) -> None:
        self._below_snr_db = settings.below_snr_db
        self._allowed = frozenset(map(Step, settings.steps))

    def steps(self, action: Transcribe) -> tuple[Step, ...]:
        """Chosen by the measured noise; none where nothing was measured, as in a quick look."""
        if action.quality is None:
            return ()
        snr_db = snr_over(action.quality, action.noise)
        return choose(self._allowed, self._below_snr_db, snr_db, steady_noise=steady(action.noise))

    def prepare(self, action: Transcribe, rate_hz: int) -> Samples:
        """The audio as the transcriber gets it, at `rate_hz`. For a thread: up to 50 ms of work."""
        samples = resample_clip(action.samples, BUS_HZ, rate_hz)
        steps = self.steps(action)
        if not steps:
            return samples
        return condition(samples, resample_clip(action.noise, BUS_HZ, rate_hz), rate_hz, steps)

    def columns(self, action: Transcribe) -> TurnColumns:
        """For the call record; empty where nothing was measured."""
        if action.quality is None:
            return {}
        return {
            "snr_db": snr_over(action.quality, action.noise),
            "flatness": action.quality.flatness,
            "clipped": action.quality.clipped,
            "heard_ms": len(action.samples) / BUS_HZ * 1000,
            "conditioning": " ".join(self.steps(action)),
        }
