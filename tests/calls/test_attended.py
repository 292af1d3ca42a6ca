"""What a person is told of a caller before they get them."""

from __future__ import annotations

import pytest

from bot.calls.attended import filled
from bot.tool_settings import Tools

KNOWN = {"persona": "The garage", "caller": "4 9 3 0", "name": "", "words": "My wheel is broken."}


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (Tools().whisper, "A call for The garage. The caller has said: My wheel is broken."),
        ("From {name}. The number is {caller}.", "The number is 4 9 3 0."),
        ("{name} calls.", ""),
        ("Somebody calls.", "Somebody calls."),
        ("", ""),
    ],
)
def test_a_sentence_with_something_unknown_is_left_out(template: str, told: str) -> None:
    assert filled(template, KNOWN) == told


def test_words_of_a_caller_are_no_template() -> None:
    assert filled("They said: {words}", {"words": "{caller} and {name}", "caller": "4"}) == (
        "They said: {caller} and {name}"
    )
