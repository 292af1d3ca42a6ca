"""From what was said, heard and done to what a language model reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.engine.actions import Line
from bot.persona import Persona, Question
from bot.providers.base import Message, ToolCall, Voice

ON_THE_PHONE = (
    "You are on the telephone: answer in one to three short spoken sentences, "
    "without lists, markup or web addresses. Never say more than {words} words at once."
)
TOOLS = (
    "Use a tool only when the caller wants what it does. Ask for what is missing instead of making "
    "it up. Say in a few words what you do; never name the tool."
)
INTERVIEW = (
    "You lead an interview. Put these questions one at a time, in this order and in these words. "
    "Accept any answer that touches what is expected, and never read that out. When an answer "
    "touches nothing of it, give the hint, once and in these words; then go on. After the last "
    "question sum up what the candidate did well, and thank them."
)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of the call besides its words; the persona says what of it the model reads."""

    called: str = ""  # the number that was dialled
    caller: str = ""  # the caller's number, "" when withheld
    caller_name: str = ""  # as the line shows it
    call_id: str = ""


def messages(
    persona: Persona,
    history: Sequence[Line],
    facts: CallFacts | None = None,
    now: datetime | None = None,
) -> list[Message]:
    """The system prompt, the examples, then the conversation, oldest line first.

    `now` is an aware time, by default the present.
    """
    told = [Message("system", system_prompt(persona, facts or CallFacts(), now))]
    for example in persona.examples:
        told += [Message("user", example.caller), Message("assistant", example.bot)]
    for number, line in enumerate(history):
        told += _said_or_done(line, f"call_{number}")
    return told


def system_prompt(persona: Persona, facts: CallFacts, now: datetime | None = None) -> str:
    """Who the persona is, how one talks on the telephone, and what is known of this call."""
    parts = [persona.system_prompt, ON_THE_PHONE.format(words=persona.prompt.max_words)]
    if persona.tools.use or persona.tools.webhooks:
        parts.append(TOOLS)
    if known := " ".join(_known(persona, facts, now or datetime.now(UTC))):
        parts.append(known)
    if persona.flow == "interview":
        parts.append(f"{INTERVIEW}\n{questions(persona.questions)}")
    return "\n\n".join(parts)


def _known(persona: Persona, facts: CallFacts, now: datetime) -> Iterator[str]:
    tell = persona.prompt.tell
    if "language" in tell:
        yield f"Speak the language with the code {persona.language}."
    if "time" in tell:
        here = now.astimezone(
            ZoneInfo(persona.prompt.timezone) if persona.prompt.timezone else None
        )
        yield f"It is {here:%A}, {here.day} {here:%B %Y}, {here:%H:%M}."
    if "called" in tell and facts.called:
        yield f"The caller dialled {facts.called}."
    if "caller_name" in tell and facts.caller_name:
        yield f"The line shows the caller's name as {json.dumps(facts.caller_name)}."
    if "caller_number" in tell and facts.caller:
        yield f"The caller's number is {facts.caller}."


def _said_or_done(line: Line, call_id: str) -> list[Message]:
    if line.role != "tool":
        return [Message(line.role, line.text)]
    call = ToolCall(call_id, line.name, line.arguments)
    return [Message("assistant", "", calls=(call,)), Message("tool", line.text, call_id=call_id)]


def questions(bank: Sequence[Question]) -> str:
    """The question bank: in these words a question is known again in what the caller heard."""
    lines: list[str] = []
    for number, each in enumerate(bank, 1):
        lines.append(f"{number}. {each.ask}")
        if each.expect:
            lines.append(f"   Expected: {'; '.join(each.expect)}")
        if each.hint:
            lines.append(f"   Hint: {each.hint}")
    return "\n".join(lines)


def voice_of(persona: Persona) -> Voice:
    """A persona's voice settings as a provider takes them."""
    settings = persona.voice
    return Voice(
        provider=settings.provider,
        preset_id=settings.preset_id,
        speed=settings.speed,
        pitch=settings.pitch,
        style=settings.style,
        language=persona.language,
    )
