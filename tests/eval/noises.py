"""Sounds that are no speech, made from noise, pulses and resonances: shape (n,), float, 8 kHz.

Each maker takes a seeded generator; the same seed makes the same sound. Levels are set later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

HZ = 8000
Sound: TypeAlias = NDArray[np.float64]
Maker: TypeAlias = Callable[[np.random.Generator], Sound]


def times(seconds: float) -> Sound:
    return np.arange(round(seconds * HZ)) / HZ


def band(sound: Sound, low_hz: float, high_hz: float) -> Sound:
    return np.asarray(sosfilt(butter(2, [low_hz, high_hz], "bandpass", fs=HZ, output="sos"), sound))


def resonance(sound: Sound, centre_hz: float, width_hz: float) -> Sound:
    """One formant of the throat or of a door's panel."""
    radius = np.exp(-np.pi * width_hz / HZ)
    poles = [1, -2 * radius * np.cos(2 * np.pi * centre_hz / HZ), radius**2]
    return np.asarray(lfilter([1 - radius], poles, sound))


def decay(seconds: float, attack_s: float, fall_s: float) -> Sound:
    time = times(seconds)
    return np.minimum(time / attack_s, 1.0) * np.exp(-np.maximum(time - attack_s, 0) / fall_s)


def cough(dice: np.random.Generator) -> Sound:
    """One to three bursts; each an explosion of air and, half of the time, a voiced tail."""
    parts = []
    for _ in range(dice.integers(1, 4)):
        length = dice.uniform(0.15, 0.32)
        air = dice.standard_normal(round(length * HZ))
        mouth = sum(resonance(air, f * dice.uniform(0.9, 1.1), 250) for f in (700, 1400, 2400))
        burst = mouth * decay(length, 0.008, dice.uniform(0.05, 0.1))[: len(air)]
        if dice.random() < 0.5:
            burst += 0.5 * growl(dice, length) * decay(length, 0.05, 0.08)[: len(air)]
        parts += [burst, np.zeros(round(dice.uniform(0.08, 0.22) * HZ))]
    return np.concatenate(parts[:-1])


def growl(dice: np.random.Generator, length: float) -> Sound:
    """Irregular pulses of the vocal cords through a half-open throat; power about 1."""
    time = times(length)
    pitch = dice.uniform(70, 120) * (1 + 0.05 * np.cumsum(dice.standard_normal(len(time))) / 90)
    pulses = (np.diff(np.floor(np.cumsum(pitch) / HZ), prepend=0) > 0).astype(float)
    voiced = resonance(pulses, 500, 150) + resonance(pulses, 1300, 200)
    return voiced / (np.sqrt((voiced**2).mean()) + 1e-9)


def throat(dice: np.random.Generator) -> Sound:
    """Clearing the throat: two growls with noise in them."""
    parts = []
    for length in (dice.uniform(0.15, 0.25), dice.uniform(0.25, 0.45)):
        rough = growl(dice, length)
        rough += 0.7 * band(dice.standard_normal(len(rough)), 400, 2500)
        parts += [rough * np.hanning(len(rough)), np.zeros(round(0.08 * HZ))]
    return np.concatenate(parts[:-1])


def sneeze(dice: np.random.Generator) -> Sound:
    """A voiced breath in, then a burst of high noise."""
    breath = band(dice.standard_normal(round(dice.uniform(0.2, 0.35) * HZ)), 600, 2000)
    breath *= np.linspace(0.05, 0.3, len(breath))
    length = dice.uniform(0.25, 0.4)
    burst = band(dice.standard_normal(round(length * HZ)), 1500, 3600) * 2
    burst = burst * decay(length, 0.01, 0.1)[: len(burst)]
    return np.concatenate([breath, burst])


def slam(dice: np.random.Generator) -> Sound:
    """A door: a knock that rings low and dies away in the room."""
    length = dice.uniform(0.4, 0.8)
    knock = dice.standard_normal(round(length * HZ)) * decay(length, 0.002, 0.02)
    wood = sum(resonance(knock, f, 60) for f in dice.uniform(90, 500, 4))
    room = dice.standard_normal(len(knock)) * decay(length, 0.01, dice.uniform(0.08, 0.15))
    return wood / np.abs(wood).max() + 0.2 * band(room, 150, 1500)


def typing(dice: np.random.Generator) -> Sound:
    """Keys struck over one to two seconds."""
    out = np.zeros(round(dice.uniform(1.0, 2.2) * HZ))
    at = 0.0
    while (start := round(at * HZ)) < len(out) - 400:
        key = dice.standard_normal(240) * np.exp(-np.arange(240) / dice.uniform(15, 40))
        out[start : start + 240] += resonance(key, dice.uniform(1500, 3000), 500)
        at += dice.uniform(0.07, 0.25)
    return out


def clicks(dice: np.random.Generator) -> Sound:
    """A few clicks of a handset or a pen."""
    out = np.zeros(round(dice.uniform(0.3, 1.2) * HZ))
    for start in dice.integers(0, len(out) - 40, dice.integers(1, 6)):
        out[start : start + 16] += dice.standard_normal(16)
    return out


def pops(dice: np.random.Generator) -> Sound:
    """Faults of the line: steps that a coupling capacitor swings back, and crackle."""
    steps = np.zeros(round(dice.uniform(0.2, 0.8) * HZ))
    for start in dice.integers(0, len(steps) - 80, dice.integers(2, 9)):
        steps[start : start + dice.integers(1, 12)] += dice.choice([-1.0, 1.0])
    return np.asarray(lfilter([1, -1], [1, -0.95], steps))


def music(dice: np.random.Generator) -> Sound:
    """Half a second to a second and a half of chords with overtones, as from a radio."""
    parts = []
    root = dice.uniform(200, 400)
    for _ in range(dice.integers(2, 6)):
        time = times(dice.uniform(0.2, 0.35))
        chord = dice.choice([1, 1.125, 1.25, 1.333, 1.5]) * root * np.array([1, 1.26, 1.5])
        tones = sum(np.sin(2 * np.pi * f * k * time) / k for f in chord for k in (1, 2, 3, 4))
        parts.append(tones * np.exp(-time / 0.25) * np.minimum(time / 0.01, 1))
    return np.concatenate(parts)


def breath(dice: np.random.Generator) -> Sound:
    """Somebody blows into the microphone."""
    length = dice.uniform(0.3, 0.9)
    air = dice.standard_normal(round(length * HZ))
    return np.asarray(lfilter([1], [1, -0.9], air)) * np.hanning(len(air))


COUGHS: dict[str, Maker] = {"cough": cough, "throat": throat, "sneeze": sneeze}
NOISES: dict[str, Maker] = {
    "door slam": slam,
    "typing": typing,
    "clicks": clicks,
    "line pops": pops,
    "music": music,
    "breath": breath,
}
