"""The table of states: complete, reachable, and drawn into bot/README.md as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.engine.conversation import Conversation
from bot.engine.state import TRANSITIONS, State, table

README = Path(__file__).resolve().parents[2] / "bot" / "README.md"


def test_the_readme_draws_the_table_from_the_code() -> None:
    drawn = re.search(r"<!-- states -->\n(.*?)\n<!-- /states -->", README.read_text(), re.S)
    assert drawn is not None, "bot/README.md has no <!-- states --> … <!-- /states --> section"
    assert drawn[1].strip() == table(), "paste what `python -m bot.engine.state` prints"


def test_every_state_is_reached_and_left() -> None:
    assert {start for start, _ in TRANSITIONS} == set(State)
    assert {end for _, end in TRANSITIONS} == set(State)
    assert all(start is not end for start, end in TRANSITIONS)


def test_what_is_not_in_the_table_does_not_happen() -> None:
    conversation = Conversation()
    conversation.enter(State.PROCESSING_USER, "test")
    with pytest.raises(AssertionError, match="not in the table"):
        conversation.enter(State.VALIDATING_UTTERANCE, "test")
