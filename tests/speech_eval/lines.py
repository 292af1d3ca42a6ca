"""The ways an utterance reaches the bot, from the microphone to the frames of the bus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import av
import numpy as np
import soxr

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, Frame
from bot.audio.resample import Upsampler, to_bus
from tests.eval.cache import Pcm
from tests.eval.corpus import babble
from tests.eval.line import HISS_DB
from tests.eval.noises import HZ as NARROW_HZ
from tests.eval.noises import Sound
from tests.eval.pause_line import G722Codec
from tests.speech_eval.concealment import Concealer
from tests.speech_eval.corpus import HZ, Utterance, active_db
from tests.support.g711 import CODECS

LEAD_S, TAIL_S = 2.5, 1.0  # of the line before and after: the noise is learnt there
OPUS_BITS_PER_S = 24_000


@dataclass(frozen=True)
class Condition:
    """A line and what is on it."""

    name: str
    codec: Literal["", "PCMU", "G722", "opus"] = "PCMU"  # "": 16 kHz as it is
    noise: Literal["", "white", "babble"] = ""
    snr_db: float = 0.0  # active level of the speech over the level of the noise, both at 8 kHz
    loss: float = 0.0  # share of packets

    @property
    def rate_hz(self) -> int:
        return {"": HZ, "PCMU": NARROW_HZ, "G722": HZ, "opus": BUS_HZ}[self.codec]


CONDITIONS = (
    Condition("clean", ""),
    Condition("g711"),
    Condition("g722", "G722"),
    Condition("opus24k", "opus"),
    Condition("white20", noise="white", snr_db=20),
    Condition("white10", noise="white", snr_db=10),
    Condition("babble20", noise="babble", snr_db=20),
    Condition("loss5", loss=0.05),
)


def frames(utterance: Utterance, condition: Condition) -> list[Frame]:
    """20 ms frames as the engine gets them: the line alone, the utterance, the line alone."""
    dice = np.random.default_rng(utterance.seed)
    rate_hz = condition.rate_hz
    voice: Sound = soxr.resample(utterance.sound, HZ, rate_hz)
    lead, tail = (np.zeros(round(s * rate_hz)) for s in (LEAD_S, TAIL_S))
    sound = np.concatenate([lead, voice, tail])
    sound += dice.standard_normal(len(sound)) * 10 ** (HISS_DB / 20)
    sound += _noise(condition, len(sound), active_db(voice, rate_hz), dice)
    step = rate_hz // 50
    pcm = np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)
    sent = [pcm[at : at + step] for at in range(0, len(pcm) - step + 1, step)]
    up = to_bus(rate_hz) if rate_hz == BUS_HZ else Upsampler(rate_hz).process
    heard = np.concatenate([up(each) for each in _over(condition, sent, dice)])
    return list(heard[: len(heard) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES))


def _noise(condition: Condition, length: int, speech_db: float, dice: np.random.Generator) -> Sound:
    gain = 10 ** ((speech_db - condition.snr_db) / 20)
    if condition.noise == "white":
        return dice.standard_normal(length) * gain
    if condition.noise == "babble":
        crowd = babble()
        return crowd[(int(dice.integers(len(crowd))) + np.arange(length)) % len(crowd)] * gain
    return np.zeros(length)


def _over(condition: Condition, sent: list[Pcm], dice: np.random.Generator) -> Iterator[Pcm]:
    """The frames as they come out of the far end's decoder."""
    match condition.codec:
        case "PCMU":
            codec = CODECS["PCMU"]
            decoded = [codec.decode(codec.encode(each)) for each in sent]
            yield from _lossy(decoded, condition, dice)
        case "G722":
            yield from map(G722Codec().through, sent)
        case "opus":
            yield from _opus(sent)
        case _:
            yield from sent


def _lossy(decoded: list[Pcm], condition: Condition, dice: np.random.Generator) -> Iterator[Pcm]:
    if not condition.loss:
        yield from decoded
        return
    concealer = Concealer(condition.rate_hz)
    for each in decoded:
        yield concealer.heard(None if dice.random() < condition.loss else each)


def _opus(sent: list[Pcm]) -> Iterator[Pcm]:
    encoder = _opus_context("w")
    decoder = _opus_context("r")
    for number, pcm in enumerate(sent):
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts = BUS_HZ, number * len(pcm)
        for packet in encoder.encode(frame):
            for heard in decoder.decode(packet):
                yield _mono(heard)


def _opus_context(mode: str) -> av.AudioCodecContext:
    context = av.CodecContext.create("libopus", mode)
    context.sample_rate, context.layout, context.format = BUS_HZ, "mono", "s16"
    if mode == "w":
        context.bit_rate, context.options = OPUS_BITS_PER_S, {"application": "voip"}
    context.open()
    return context


def _mono(frame: av.AudioFrame) -> Pcm:
    samples = frame.to_ndarray()
    if samples.dtype != np.int16:
        samples = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    return samples.reshape(-1)[:: len(frame.layout.channels)]


@cache
def condition(name: str) -> Condition:
    return next(each for each in CONDITIONS if each.name == name)
