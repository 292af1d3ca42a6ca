"""From what was said and heard to what a language model reads."""

from __future__ import annotations

from collections.abc import Sequence

from bot.engine.actions import Line
from bot.persona import Persona
from bot.providers.base import Message, Voice

ON_THE_PHONE = (
    "You are on the telephone: answer in one to three short spoken sentences, "
    "without lists, markup or web addresses."
)


def messages(persona: Persona, history: Sequence[Line]) -> list[Message]:
    """The system prompt, then the conversation, oldest line first."""
    system = f"{persona.system_prompt}\n\n{ON_THE_PHONE}"
    return [Message("system", system), *(Message(line.role, line.text) for line in history)]


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
