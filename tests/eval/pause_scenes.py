"""Which calls the end of a turn is judged by: every utterance on every line, under each policy."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.eval.line import LineSettings
from tests.eval.pause_call import Heard, PauseScene, play_pause
from tests.eval.pause_corpus import GROUP_PAUSED, Said, dictations, utterances
from tests.eval.pause_line import G722
from tests.eval.scenes import CLEAN, NOISES, SNR20, SNR_DB, WORKERS, counted

CODECS = ("PCMU", G722)
CONDITIONS = (CLEAN, SNR20)
POLICIES = ("fixed", "adaptive")
SWEEP_MS = (300, 500, 650, 800, 1000, 1400, 2000)  # adaptive: turn.min_silence_ms
SILENCE_MS = (1000, 1300, 1600, 2000, 2500)  # fixed: turn.silence_ms


@dataclass(frozen=True)
class PauseResult:
    """One call: under what condition, what was done, what came of it."""

    condition: str
    scene: PauseScene
    heard: Heard

    @property
    def said(self) -> Said:
        return self.scene.said

    @property
    def codec(self) -> str:
        return self.scene.line.codec


Scenes = list[tuple[str, PauseScene]]


def line_for(said: Said, number: int, codec: str, condition: str) -> LineSettings:
    """The kind of noise alternates from utterance to utterance."""
    if condition == CLEAN:
        return LineSettings(codec)
    return LineSettings(codec, NOISES[number % 2], said.level_db - SNR_DB[condition])


def policy_scenes() -> Scenes:
    """`adaptive` hears everything; `fixed` is asked about pauses only, its wait is its setting."""
    made: Scenes = []
    for said, condition, line in alternating():
        made.append((condition, PauseScene(said, line)))
        if said.group == GROUP_PAUSED:
            made.append((condition, PauseScene(said, line, "fixed")))
    return made


def alternating(every: int = 1) -> Iterator[tuple[Said, str, LineSettings]]:
    """Utterances through both codecs; clean and 20 dB in turn, for Piper's voice and for robots'.

    `every`: 2 leaves out half of them, of both voices and on both lines.
    """
    for number, said in enumerate(utterances()):
        if number // 4 % every:
            continue
        condition = CONDITIONS[number // 2 % 2]
        for codec in CODECS:
            yield said, condition, line_for(said, number, codec, condition)


def dictation_scenes() -> Scenes:
    """Through G.711, where digits are hardest to understand; each clean and at 20 dB."""
    made: Scenes = []
    for number, said in enumerate(dictations()):
        for condition in CONDITIONS:
            line = line_for(said, number, CODECS[0], condition)
            made += [(condition, PauseScene(said, line, policy)) for policy in POLICIES]
    return made


def sweep_scenes() -> Scenes:
    """Half of them with other settings; and, for comparison, what silence alone does."""
    made: Scenes = []
    for said, condition, line in alternating(every=2):
        settings = [("adaptive", "min_silence_ms", each) for each in SWEEP_MS]
        if line.codec == CODECS[0]:
            settings += [("fixed", "silence_ms", each) for each in SILENCE_MS]
        for end, key, value in settings:
            made.append((condition, PauseScene(said, line, end, ((key, value),))))
    return made


def play_pauses(scenes: Scenes, name: str, workers: int = WORKERS) -> list[PauseResult]:
    """Every scene, in order."""
    played: Sequence[PauseScene] = [scene for _, scene in scenes]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        heard = counted(pool.map(play_pause, played, chunksize=8), name, len(played))
        return [
            PauseResult(condition, scene, each)
            for (condition, scene), each in zip(scenes, heard, strict=True)
        ]
