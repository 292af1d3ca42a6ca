"""The corpus of pauses is what docs/turns.md says, and its counters count what they say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.eval import pause_judge as judge
from tests.eval.line import LineSettings
from tests.eval.pause_call import Heard, PauseScene, persona, transcription_s
from tests.eval.pause_corpus import (
    GROUP_PAUSED,
    GROUP_WHOLE,
    PAUSES_S,
    Said,
    clip_of,
    dictations,
    parts_of,
    speech_edges,
    utterances,
)
from tests.eval.pause_line import G722, WIDE_FRAME, WIDE_HZ, WideLine, line_of
from tests.eval.pause_phrases import COMPLETE, FRESH_PAUSED, FRESH_WHOLE, PAUSED, WHOLE
from tests.eval.pause_report import dictation, end_of_turn, tradeoff
from tests.eval.pause_scenes import (
    SILENCE_MS,
    SWEEP_MS,
    PauseResult,
    policy_scenes,
    sweep_scenes,
)
from tests.eval.voices import JOES, ROBOTS


def said(group: str = GROUP_PAUSED, kind: str = COMPLETE) -> Said:
    parts = ("I need a doctor,", "today.") if group == GROUP_PAUSED else ("I need a doctor.",)
    return Said(group, kind, parts, (1.0,) * (len(parts) - 1), JOES[0])


def result(each: Said, end: str = "adaptive", codec: str = "PCMU", **what) -> PauseResult:
    """Speech ends at 5.0 s, the pause is from 3.0 to 4.0 s."""
    pauses = [(3.0, 4.0)] * len(each.gaps_s)
    heard = Heard(speech_end=5.0, pauses=pauses, **what)
    return PauseResult("clean", PauseScene(each, LineSettings(codec), end), heard)


WHOLE_TURN = said(GROUP_WHOLE, "request")


# ---- corpus


def texts(*lists: dict[str, list[str]]) -> list[str]:
    return [text for each in lists for some in each.values() for text in some]


def test_the_corpus_is_as_large_and_as_hard_as_the_document_says():
    paused = texts(PAUSED, FRESH_PAUSED)
    complete = PAUSED[COMPLETE] + FRESH_PAUSED[COMPLETE]
    assert (len(texts(WHOLE, FRESH_WHOLE)), len(paused), len(complete)) == (90, 83, 28)
    assert len(texts(WHOLE, PAUSED)) == 120 and len(texts(FRESH_WHOLE, FRESH_PAUSED)) == 53
    assert all(text.count("|") == 1 for text in paused)
    assert len(utterances()) >= 200 and len({each.name for each in utterances()}) == 293


def test_pauses_are_drawn_within_their_limits_and_mostly_short():
    pauses = [gap for each in utterances() for gap in each.gaps_s]
    assert all(PAUSES_S[0] <= gap <= PAUSES_S[1] for gap in pauses)
    assert 0.8 < np.median(pauses) < 1.0 and max(pauses) > 1.9


def test_numbers_have_ten_digits_in_short_gaps():
    numbers = [each for each in dictations() if each.group == "number"]
    assert {each.kind for each in numbers} == {"asked", "not asked"} and len(numbers) >= 40
    assert all(0.3 <= gap <= 0.9 for each in dictations() for gap in each.gaps_s)


def test_what_goes_on_is_spoken_so():
    assert parts_of("I need | a doctor.") == ("I need,", "a doctor.")
    assert parts_of("I need, um, | a doctor.") == ("I need, um,", "a doctor.")


@pytest.mark.parametrize("speaker", [JOES[1], ROBOTS[3]], ids=lambda each: each.name)
def test_speech_ends_and_begins_where_the_clip_does(speaker):
    clip = clip_of(Said(GROUP_PAUSED, COMPLETE, ("Yes,", "today."), (1.0,), speaker))
    ((begin, end),) = clip.pauses
    assert 1.0 <= end - begin < 1.2, "weak ends of words lengthen the pause a little"
    middle = clip.samples[round((begin + 0.1) * WIDE_HZ) : round((end - 0.1) * WIDE_HZ)]
    assert not middle.any() and end < clip.speech_end <= len(clip.samples) / WIDE_HZ


def test_edges_leave_out_what_is_quieter_than_speech():
    sound = np.concatenate([np.full(800, 0.001), np.full(1600, 0.5), np.full(800, 0.001)])
    assert speech_edges(sound, 0.1) == (800, 2400)


def test_a_wide_line_carries_what_a_telephone_does_not():
    tone = 0.25 * np.sin(2 * np.pi * 5000 * np.arange(WIDE_HZ) / WIDE_HZ)
    line, rate_hz = line_of(LineSettings(G722), np.random.default_rng(1))
    assert isinstance(line, WideLine) and rate_hz == WIDE_HZ
    frames = [line.to_bot(tone[at : at + WIDE_FRAME]) for at in range(0, WIDE_HZ, WIDE_FRAME)]
    level = np.sqrt(np.mean((np.concatenate(frames[5:]) / 32768.0) ** 2))
    assert level == pytest.approx(0.25 / np.sqrt(2), rel=0.05)


def test_a_scene_is_played_under_the_shipped_policy_or_a_changed_one():
    shipped = persona(PauseScene(said(), LineSettings()))
    assert shipped.turn.end == "adaptive" and shipped.turn.silence_ms == 2500
    changed = persona(PauseScene(said(), LineSettings(), "fixed", (("min_silence_ms", 300),)))
    assert changed.turn.end == "fixed" and changed.turn.min_silence_ms == 300


def test_a_transcription_takes_longer_for_more_within_limits():
    assert transcription_s(0.5) == 0.15 and transcription_s(9.0) == 0.25
    assert transcription_s(3.0) == pytest.approx(0.185)


def test_both_codecs_hear_every_utterance_and_each_voice_is_heard_on_both_lines():
    scenes = [(c, scene) for c, scene in policy_scenes() if scene.end == "adaptive"]
    assert len(scenes) == 2 * len(utterances())
    for voice in (True, False):
        noisy = [c != "clean" for c, scene in scenes if bool(scene.said.speaker.voice) == voice]
        assert 0.4 < np.mean(noisy) < 0.6
    changed = [scene.changed for _, scene in sweep_scenes()]
    assert {dict(each).get("silence_ms") for each in changed} == {None, *SILENCE_MS}


# ---- counters


def test_a_turn_is_cut_when_it_ends_before_its_last_word():
    told = judge.end_figures(
        [
            result(said(), ended=[(3.9, "x"), (6.0, "x")], spoke_at=4.2, answered_at=6.0),
            result(said(), ended=[(4.8, "x")], spoke_at=5.1),
            result(said(), ended=[(6.0, "x")], answered_at=6.0),
            result(WHOLE_TURN, ended=[(5.8, "x")], answered_at=5.8),
            result(said(), "fixed"),
            result(said(), "fixed", ended=[(3.9, "x")]),
        ]
    )
    assert told["fixed"] | {"conditions": 0} == {
        "cut_offs": 1,
        "n": 2,
        "longest_pause_ms": 1000,
        "conditions": 0,
    }
    adaptive = told["adaptive"]
    assert adaptive["cut_off_rate"] == 0.6667 and adaptive["spoken_into_rate"] == 0.3333
    assert adaptive["n"] == 4 and adaptive["paused_n"] == 3 and adaptive["never_answered"] == 1
    assert adaptive["places"] == {COMPLETE: {"cut_off_rate": 0.6667, "n": 3}}


def test_the_wait_is_that_of_whole_utterances_to_the_answer():
    told = judge.policy(
        [
            result(WHOLE_TURN, ended=[(5.7, "x")], answered_at=5.7),
            result(WHOLE_TURN, ended=[(6.5, "x")], answered_at=6.7),  # its transcript came late
            result(WHOLE_TURN, ended=[(4.0, "x"), (9.0, "x")], answered_at=9.0),  # cut: no wait
            result(said(), ended=[(5.1, "x")], answered_at=5.1),
        ]
    )
    assert told["median_wait_ms"] == pytest.approx(1200) and told["whole_cut_rate"] == 0.3333
    assert told["kinds"]["request"]["n"] == 3


def test_the_trade_off_has_a_point_for_each_setting_and_codec():
    swept = []
    for codec in ("PCMU", G722):
        for least_ms in SWEEP_MS:
            ended = 5.0 + least_ms / 1000
            each = result(WHOLE_TURN, codec=codec, ended=[(ended, "x")], answered_at=ended)
            scene = PauseScene(each.said, each.scene.line, changed=(("min_silence_ms", least_ms),))
            swept.append(PauseResult("clean", scene, each.heard))
    alone = PauseScene(WHOLE_TURN, LineSettings("PCMU"), "fixed", (("silence_ms", 2500),))
    heard = Heard(speech_end=5.0, ended=[(7.5, "x")], answered_at=7.7)
    curves = judge.tradeoff([*swept, PauseResult("clean", alone, heard)])
    assert list(curves) == ["PCMU", G722, "PCMU, silence alone"]
    assert curves["PCMU, silence alone"][0]["wait_ms"] == pytest.approx(2700)
    assert [point["wait_ms"] for point in curves[G722]] == pytest.approx(list(SWEEP_MS))
    assert "| G722 | 300 | 300 ms |" in tradeoff({"tradeoff": curves})


def test_numbers_stand_apart_from_what_else_is_dictated():
    def group(name: str, kind: str, end: str, cut: bool) -> PauseResult:
        each = Said(name, kind, ("five,", "six."), (0.5,), JOES[0])
        return result(each, end, ended=[(4.5, "x")] if cut else [(8.0, "x")], answered_at=8.0)

    told = judge.dictation_figures(
        [
            group("number", "asked", "fixed", False),
            group("number", "not asked", "adaptive", True),
            group("mail", "asked", "adaptive", False),
        ]
    )
    assert (told["numbers"]["cut"], told["numbers"]["n"]) == (1, 2)
    assert told["numbers"]["policies"]["adaptive"] == {"cut": 1, "n": 1}
    assert told["dictation"]["mail"]["cut"] == 0 and "number" not in told["dictation"]


def test_the_document_tells_of_turns_and_dictation():
    results = [
        result(said(), ended=[(6.0, "x")], answered_at=6.0),
        result(said(), "fixed"),
        result(WHOLE_TURN, ended=[(5.8, "x")], answered_at=5.8),
    ]
    written = end_of_turn(judge.end_figures(results))
    assert "`fixed` with 2500 ms cut off 0 of 1 turns with a pause" in written
    assert "| all | 0.0 % | 0.0 % | 800 ms | 800 ms | 800 ms | 1 | 1 |" in written
    numbers = {"cut": 0, "n": 4, "median_wait_ms": 1500.0}
    sides = {"policies": {"fixed": {"cut": 0, "n": 2}, "adaptive": {"cut": 0, "n": 2}}}
    sides |= {"asked": {"asked": {"cut": 0, "n": 2}, "not asked": {"cut": 0, "n": 2}}}
    line = dictation({"numbers": numbers | sides, "dictation": {"mail": numbers | sides}})
    assert "| ten-digit numbers | 0 | 4 | 0 of 2 |" in line and "| mail addresses | 0 |" in line
