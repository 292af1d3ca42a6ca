"""The document says what was measured, and says so when a target was missed."""

from __future__ import annotations

from tests.speech_eval.report import LINES, document

MACHINE = {"python": "3.11", "system": "Linux", "cores": 2}


def told(raw: float, conditioned: float):
    steps = {"noise_suppression": 5} if raw != conditioned else {}
    return {"raw": raw, "conditioned": conditioned, "n": 128, "steps": steps,
            "voices": {"Piper": raw}}  # fmt: skip


def figures(white10: float):
    lines = dict.fromkeys(LINES, told(0.1, 0.1)) | {"white10": told(0.4, white10)}
    return {"machine": MACHINE, "wer": {"tiny.en": lines}}


def row(text: str, begins: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {begins}"))


def test_a_target_that_is_met_and_one_that_is_missed():
    assert row(document(figures(0.35)), "tiny.en: white").endswith(
        "| -5.0 points | -4 or more | yes |"
    )
    assert row(document(figures(0.37)), "tiny.en: white").endswith("| **no** |")


def test_the_gain_in_fresh_noise_is_told_beside_it():
    fresh = {"wer_fresh_noise": {"tiny.en": told(0.4, 0.37) | {"n": 256}}}
    line = row(document(figures(0.35) | fresh), "tiny.en: the same, 256")
    assert line.endswith("| -3.0 points | -4 or more | **no** |")


def test_harm_is_told():
    assert "+1.0 points | +0.5 | **no**" in row(document(figures(0.41)), "tiny.en: most")


def test_what_was_not_measured_is_left_out():
    text = document(figures(0.35))
    assert "Speed and memory" not in text
    assert row(text, "G.711, white noise at 10 dB").endswith("-5.0 points | 5 | 128 |")
