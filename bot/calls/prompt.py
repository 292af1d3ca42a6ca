"""From what was said and heard to what a language model reads."""

from __future__ import annotations

from collections.abc import Sequence

from bot.engine.actions import Line
from bot.persona import Persona, Question
from bot.providers.base import Message, Voice

ON_THE_PHONE = (
    "You are on the telephone: answer in one to three short spoken sentences, "
    "without lists, markup or web addresses."
)
INTERVIEW = (
    "You lead an interview. Put these questions one at a time, in this order and in these words. "
    "Accept any answer that touches what is expected, and never read that out. When an answer "
    "touches nothing of it, give the hint, once and in these words; then go on. After the last "
    "question sum up what the candidate did well, and thank them."
)


def messages(persona: Persona, history: Sequence[Line]) -> list[Message]:
    """The system prompt, then the conversation, oldest line first."""
    system = f"{persona.system_prompt}\n\n{ON_THE_PHONE}"
    if persona.flow == "interview":
        system += f"\n\n{INTERVIEW}\n{questions(persona.questions)}"
    return [Message("system", system), *(Message(line.role, line.text) for line in history)]


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
