"""The tools every persona can be given: their descriptions, and what is made of their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.calls.prompt import CallFacts
from bot.engine.inputs import Control, ControlAsked
from bot.persona import Persona
from bot.providers.base import Tool
from bot.tool_settings import ToolName


@dataclass(frozen=True, slots=True)
class CallerMessage:
    """What a caller wants to be passed on."""

    turn: int
    text: str
    name: str = ""
    number: str = ""


def own_tool(name: ToolName, persona: Persona) -> Tool:
    """As a model is offered it."""
    match name:
        case "hang_up":
            return Tool(
                name, "Ends the call once your words have been heard. Say goodbye first.",
                {"type": "object", "properties": {}},
            )  # fmt: skip
        case "transfer":
            to = {"type": "string", "enum": sorted(persona.tools.targets)}
            return Tool(
                name, "Puts the caller through once your words have been heard.",
                {"type": "object", "properties": {"to": to}, "required": ["to"]},
            )  # fmt: skip
        case "send_digits":
            digits = {"type": "string", "pattern": "^[0-9A-D*#]{1,32}$"}
            return Tool(
                name, "Presses telephone keys once your words have been heard.",
                {"type": "object", "properties": {"digits": digits}, "required": ["digits"]},
            )  # fmt: skip
        case "take_message":
            text = {"type": "string", "minLength": 1, "maxLength": 2000}
            number = {"type": "string", "description": "where to call back, if the caller says so"}
            return Tool(
                name, "Writes down a message of the caller's for the people behind this number.",
                {
                    "type": "object",
                    "properties": {"message": text, "name": {"type": "string"}, "number": number},
                    "required": ["message"],
                },
            )  # fmt: skip


def control_of(
    turn: int, name: str, arguments: Mapping[str, Any], persona: Persona
) -> ControlAsked:
    """What the engine is told of a tool that touches the call."""
    control = Control(name)
    if control is Control.TRANSFER:
        target = arguments["to"]
        return ControlAsked(turn, control, persona.tools.targets[target], target)
    return ControlAsked(turn, control, str(arguments.get("digits", "")))


def message_of(turn: int, arguments: Mapping[str, Any], facts: CallFacts) -> CallerMessage:
    """What the caller did not say is taken from the line."""
    return CallerMessage(
        turn,
        arguments["message"],
        arguments.get("name") or facts.caller_name,
        arguments.get("number") or facts.caller,
    )
