"""The counters count what they say, and the document tells it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.eval import judge
from tests.eval.__main__ import without_nan
from tests.eval.corpus import Clip
from tests.eval.line import Echo, LineSettings
from tests.eval.report import TARGETS, document
from tests.eval.run import Outcome, Scene
from tests.eval.scenes import CLEAN, SNR20, Result
from tests.eval.tradeoff import svg
from tests.eval.voices import JOES


def clip(group: str, kind: str = "question") -> Clip:
    return Clip(f"{group} {kind}", group, kind, JOES[0], -20.0, np.zeros(8000, np.int16), 0)


def result(each: Clip | None, condition: str = CLEAN, echo: Echo | None = None, **what) -> Result:
    outcome = Outcome(onset_at=10.0, clip_end=11.0, replied_at=8.0, **what)
    return Result(condition, Scene(each, LineSettings(echo=echo)), outcome)


MEANT, OKAY, COUGH = clip("interruption"), clip("backchannel", "Okay."), clip("cough", "cough")
STOP = clip("interruption", "stop word")
PAUSE = (11.0, "barge-in committed", "stop word")


def test_interruptions_are_stopped_in_time_or_not_at_all():
    told = judge.figures(
        [
            result(MEANT, silent_at=[10.2], stopped_at=10.8),
            result(MEANT, silent_at=[10.3], stopped_at=12.6),  # too late
            result(MEANT),
            result(MEANT, SNR20, silent_at=[10.4], stopped_at=11.0),
        ]
    )
    assert told["interruptions"]["clean"] == {"stopped": 1, "n": 3, "rate": 0.3333}
    assert told["interruptions"]["snr20"] == {"stopped": 1, "n": 1, "rate": 1.0}
    assert told["pause_ms"]["p50"] == pytest.approx(300) and told["pause_ms"]["n"] == 3


def test_a_back_channel_that_stops_the_bot_is_false_however_late():
    told = judge.figures(
        [
            result(OKAY, silent_at=[10.2], stopped_at=13.0),
            result(OKAY, silent_at=[10.2], resumed_at=[10.9]),
            result(COUGH, silent_at=[10.2, 11.2], resumed_at=[10.7, 11.4]),
            result(MEANT, silent_at=[10.2], stopped_at=10.8),
        ]
    )
    assert told["false_stops"]["rate"] == 0.3333 and told["false_stops"]["n"] == 3
    assert told["false_stops"]["backchannel"] == 0.5 and told["false_stops"]["cough"] == 0.0
    assert told["resume_gap_ms"]["n"] == 3 and told["resume_gap_ms"]["p50"] == pytest.approx(500)


def test_stop_words_hit_within_their_time_and_false_by_reason():
    told = judge.figures(
        [
            result(STOP, stopped_at=11.1),
            result(STOP, stopped_at=11.3),
            result(COUGH, stopped_at=11.0, decisions=[PAUSE]),
            result(COUGH, decisions=[(11.0, "barge-in resumed", "no words")]),
        ]
    )
    assert told["stop_words"] == {"hit": 0.5, "false": 0.5, "n": 2, "false_n": 2}


def test_echo_counts_any_pause_of_its_own_and_losses_from_12_db_on():
    loud, faint = Echo(100, 8.0), Echo(100, 20.0)
    alone = [result(None, "echo", loud), result(None, "echo", faint, silent_at=[9.0])]
    stopped: list[tuple[Echo, bool, bool]] = [  # with the echo, without it
        (loud, False, True),
        (faint, True, True),
        (faint, False, True),
        (faint, False, False),  # not the echo's fault
    ]
    over = []
    for seed, (echo, with_echo, without) in enumerate(stopped):
        for line, ended in ((echo, with_echo), (None, without)):
            each = result(MEANT, "echo", line, stopped_at=10.9 if ended else None)
            over.append(replace(each, scene=replace(each.scene, seed=seed)))
    told = judge.echo_figures([*alone, *over])
    assert (told["calls"], told["self_interruptions"], told["self_stops"]) == (2, 1, 0)
    assert told["lost_rate"] == 0.5 and told["lost_n"] == 2
    assert told["lost_rate_all"] == 0.6667 and told["not_stopped_rate"] == 0.75


def test_the_document_tells_what_is_met_and_what_was_not_measured():
    figures = judge.figures([result(MEANT, silent_at=[10.2], stopped_at=10.8), result(OKAY)])
    figures |= {"machine": {"speech": "x", "system": "y", "cores": 2, "python": "3"}}
    written = document(without_nan(figures))
    assert "| interruptions stopped, clean line | 100.0 % | ≥ 98.0 % | yes |" in written
    assert "| one tick, median | not measured | ≤ 200 µs | – |" in written
    assert "## Who takes the floor" in written and "## On the wire" not in written
    json.loads(json.dumps(without_nan(figures), allow_nan=False))
    assert len(TARGETS) == 17


def test_the_plot_has_a_line_for_each_codec():
    curve = [{"wait_ms": 400, "cut_off_rate": 0.2}, {"wait_ms": 900, "cut_off_rate": 0.02}]
    drawn = svg({"PCMU": curve, "G722": curve})
    assert drawn.count("<polyline") == 2 and drawn.count("<circle") == 4
    assert ">PCMU</text>" in drawn and ">G722</text>" in drawn
