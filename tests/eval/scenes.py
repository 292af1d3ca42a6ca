"""Which calls are made: every clip under every condition, and the echo calls."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from tests.eval.corpus import Clip, corpus
from tests.eval.line import Echo, LineSettings, Noise
from tests.eval.run import Outcome, Scene, play

CLEAN, SNR20, SNR10 = "clean", "snr20", "snr10"
SNR_DB = {SNR20: 20.0, SNR10: 10.0}
NOISES: tuple[Noise, ...] = ("white", "babble")
CODECS = ("PCMU", "PCMA")
BEHAVIOURS = ("balanced", "aggressive", "conservative")
ECHO_CALLS = 100  # without an interruption, as many with one, and those again without echo
ECHO_DELAY_MS = (40.0, 400.0)
RETURN_LOSS_DB = (6.0, 30.0)
WORKERS = 2


@dataclass(frozen=True)
class Result:
    """One call: what was done, and what came of it."""

    condition: str  # CLEAN, SNR20, SNR10, "echo" or "no echo"
    scene: Scene
    outcome: Outcome

    @property
    def clip(self) -> Clip:
        assert self.scene.clip is not None
        return self.scene.clip


def line_for(clip: Clip, number: int, condition: str) -> LineSettings:
    """Codec and kind of noise alternate from clip to clip."""
    codec = CODECS[number % 2]
    if condition == CLEAN:
        return LineSettings(codec)
    return LineSettings(codec, NOISES[number // 2 % 2], clip.level_db - SNR_DB[condition])


def clip_scenes() -> list[tuple[str, Scene]]:
    """The default behaviour under every condition, the others on a clean line."""
    made: list[tuple[str, Scene]] = []
    for number, clip in enumerate(corpus()):
        lines = {each: line_for(clip, number, each) for each in (CLEAN, SNR20, SNR10)}
        made += [(condition, Scene(clip, line)) for condition, line in lines.items()]
        made += [(CLEAN, Scene(clip, lines[CLEAN], other)) for other in BEHAVIOURS[1:]]
    return made


def echo_scenes() -> list[tuple[str, Scene]]:
    """Speakerphones and hybrids: each echo alone, with a caller who interrupts, and that caller
    at the same moment of the same call without the echo."""
    dice = np.random.default_rng(40_400)
    speakers = [each for each in corpus() if each.meant]
    made = []
    for number in range(ECHO_CALLS):
        echo = Echo(float(dice.uniform(*ECHO_DELAY_MS)), float(dice.uniform(*RETURN_LOSS_DB)))
        line = LineSettings(CODECS[number % 2], echo=echo)
        alone = Scene(None, line, seed=number)
        clip = speakers[int(dice.integers(len(speakers)))]
        over = replace(alone, clip=clip)
        made += [("echo", alone), ("echo", over), ("no echo", replace(over, line=plain(line)))]
    return made


def plain(line: LineSettings) -> LineSettings:
    return replace(line, echo=None)


def play_all(scenes: list[tuple[str, Scene]], name: str) -> list[Result]:
    """Every scene, on all cores, in order."""
    results = []
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        outcomes = pool.map(play, [scene for _, scene in scenes], chunksize=8)
        for (condition, scene), outcome in zip(
            scenes, counted(outcomes, name, len(scenes)), strict=True
        ):
            results.append(Result(condition, scene, outcome))
    return results


def counted(outcomes: Iterable[Outcome], name: str, total: int) -> Iterable[Outcome]:
    """Tell on stderr how far it is."""
    begun = shown = time.monotonic()
    for number, outcome in enumerate(outcomes, 1):
        yield outcome
        if time.monotonic() - shown > 10 or number == total:
            shown = time.monotonic()
            print(f"eval: {name}: {number} of {total}, {shown - begun:.0f} s", file=sys.stderr)
