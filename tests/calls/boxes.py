"""Toolboxes for tests, and what they told."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.calls.own_tools import CallerMessage
from bot.calls.prompt import CallFacts
from bot.calls.toolbox import Outcome, Toolbox
from bot.engine.inputs import Input
from bot.persona import Persona
from bot.providers.webhook import WebhookClient
from tests.engine.score import persona

FACTS = CallFacts(called="1000", caller="+4930123", caller_name="Ada", call_id="call-1")


@dataclass
class Told:
    """What reached the engine and the record."""

    inputs: list[Input] = field(default_factory=list)
    notes: list[tuple[int, str, str, Outcome]] = field(default_factory=list)
    messages: list[CallerMessage] = field(default_factory=list)


def box(told: Told | None = None, who: Persona | None = None) -> Toolbox:
    told = told or Told()
    return Toolbox(
        who or persona(),
        FACTS,
        WebhookClient(),
        tell=told.inputs.append,
        note=lambda turn, name, arguments, outcome, _: told.notes.append(
            (turn, name, arguments, outcome)
        ),
        message=told.messages.append,
    )
