"""A persona: who answers, how they sound, how they take turns. One TOML file each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from bot.errors import ConfigError
from bot.toml_files import inspect, read_toml
from bot.tool_settings import OWN_TOOLS, Part, Tools, tool_faults

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('a time zone, e.g. "Europe/Berlin"') from None
    return name


class VoiceSettings(Part):
    """How the persona sounds."""

    provider: str = Field("", description="TTS provider; empty: the configured one")
    preset_id: str = Field("", description="voice or speaker name, e.g. joe, p225, p226")
    speed: float = Field(1.0, ge=0.5, le=2.0)
    pitch: float = Field(0.0, ge=-12, le=12, description="semitones")
    style: str = Field("", description='in plain words, e.g. "cheerful"')


class AiSettings(Part):
    """Who listens and thinks for this persona, before those of config.toml are asked."""

    stt: str | list[str] = Field("", description="speech-to-text provider, or several in order")
    llm: str | list[str] = Field("", description="language model provider, or several in order")


class PromptSettings(Part):
    """What the language model is told besides `system_prompt`, and how long it may talk."""

    tell: list[Literal["language", "time", "called", "caller_name", "caller_number"]] = Field(
        ["language", "time", "called"],
        description="language, time, called (the number dialled), caller_name, caller_number: "
        "the last two reach whoever runs the model, so they are not told by default",
    )
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        "", description='of the time, e.g. "Europe/Berlin"; empty: this machine\'s'
    )
    max_words: int = Field(
        60, ge=10, le=400, description="a reply ends with the sentence that reaches so many words"
    )


class Example(Part):
    """How a good exchange goes; the model reads it before the conversation."""

    caller: str = Field(min_length=1)
    bot: str = Field(min_length=1)


class TurnSettings(Part):
    """When the caller's turn is over."""

    end: Literal["fixed", "adaptive"] = Field(
        "fixed", description="adaptive: a complete sentence may end the turn before silence_ms"
    )
    silence_ms: int = Field(2500, ge=200, le=10_000, description="silence that ends a turn")
    min_silence_ms: int = Field(
        600, ge=200, le=10_000, description="adaptive: no turn ends before so much silence"
    )
    dictation_ms: int = Field(
        3500, ge=200, le=15_000, description="the same while a number, name or date is dictated"
    )
    max_utterance_s: float = Field(28.0, ge=5, le=30, description="longest single utterance")
    hold_s: float = Field(2.5, ge=0, le=30, description="wait for the rest of a broken sentence")
    filler_after_s: float = Field(1.5, ge=0.5, le=10, description="preparing so long: a filler")


class BargeInSettings(Part):
    """How readily the persona lets itself be interrupted; what is unset, `behaviour` sets."""

    behaviour: Literal["aggressive", "balanced", "conservative"] = "balanced"
    guard_ms: int | None = Field(
        None, ge=0, le=3000, description="after the bot starts: no interruption yet"
    )
    pause_after_ms: int | None = Field(
        None, ge=100, le=2000, description="speech that pauses the bot"
    )
    check_after_ms: int | None = Field(
        None, ge=300, le=3000, description="after the first sound: words may take the floor"
    )
    min_words: int | None = Field(
        None, ge=1, le=10, description="so many words that are no back-channel take the floor"
    )
    over_noise_db: float | None = Field(
        None, ge=3, le=30, description="how far an interruption stands out of noise and echo"
    )
    stop_words: list[str] = Field([], description='besides "stop", "wait" and their like')


class IdleSettings(Part):
    """What happens when the caller says nothing."""

    after_s: float = Field(8.0, ge=2, le=60, description="silence before a reprompt")
    reprompts: list[str] = Field(["Are you still there?"])
    goodbye: str = "I cannot hear you, so I will hang up now. Goodbye."


class Phrases(Part):
    """What the persona says by itself; rendered before the first call."""

    fillers: list[str] = Field(
        ["One moment.", "I am still looking."], min_length=1, description="while a reply is late"
    )
    repeat: str = "Sorry, I did not catch that. Could you say it again?"
    trouble: str = "Sorry, something went wrong on my side. Could you say that again?"
    apology: str = "I am sorry, something is wrong on my side. Please call again later."
    goodbye: str = "Thank you for calling. Goodbye."
    closing: str = "I am sorry, we have to stop here. Goodbye."
    back: str = Field("Welcome back.", description="said when the caller took us off hold")
    help: str = "I am not sure about that."
    transfer: str = Field(
        "One moment, I will put you through.", description="when the model says nothing itself"
    )
    no_transfer: str = "I am sorry, nobody answers there. Can I help you with anything else?"
    handover: str = Field(
        "I am sorry, something is wrong on my side. I will put you through to a colleague.",
        description="before tools.on_trouble takes the call",
    )
    noted: str = Field("Thank you, I have written that down.", description="a message was taken")
    done: str = Field("That is done.", description="digits were sent, and nothing was said to it")


class Answer(Part):
    """A scripted answer: any of `ask` leads to `say`."""

    ask: list[str] = Field(min_length=1, description="ways callers put it")
    say: str = Field(min_length=1)
    topic: str = Field("", description="named when the persona tells what it can help with")
    tool: str = Field(
        "",
        description="done after that: a tool of tools.use, or a webhook; take_message takes "
        "down what the caller says next",
    )
    arguments: dict[str, Any] = Field({}, description='of the tool, e.g. { to = "sales" }')


class Question(Part):
    """One question of an interview."""

    ask: str = Field(min_length=1)
    expect: list[str] = Field([], description="ideas a good answer touches")
    hint: str = ""


class Metadata(Part):
    source_template_id: str = Field(min_length=1, description="preset this persona was made from")


class Persona(Part):
    """The whole of a persona file; `slug` is the file's name."""

    slug: str = ""
    name: str = Field(min_length=1)
    description: str = ""
    language: str = "en"
    flow: Literal["assistant", "interview"] = "assistant"
    greeting: str = Field(min_length=1, description="the first thing a caller hears")
    system_prompt: str = Field(min_length=1)
    metadata: Metadata
    ai: AiSettings = AiSettings()
    voice: VoiceSettings = VoiceSettings()
    turn: TurnSettings = TurnSettings()
    barge_in: BargeInSettings = BargeInSettings()
    idle: IdleSettings = IdleSettings()
    phrases: Phrases = Phrases()
    prompt: PromptSettings = PromptSettings()
    tools: Tools = Tools()
    examples: list[Example] = Field([])
    answers: list[Answer] = Field([])
    questions: list[Question] = Field([])


def load_persona(path: Path, webhooks: Sequence[str] | None = ()) -> Persona:
    """Read one persona file; `webhooks` are the hosts it may call, None: any.

    Raises ConfigError for its first fault.
    """
    persona, wrong = check_persona(path, webhooks)
    if wrong or persona is None:
        raise wrong[0]
    return persona


def load_personas(folder: Path) -> dict[str, Persona]:
    """Every persona of a folder by slug. Raises ConfigError for the first broken file."""
    return {path.stem: load_persona(path) for path in persona_files(folder)}


def persona_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"))


def check_persona(
    path: Path, webhooks: Sequence[str] | None = ()
) -> tuple[Persona | None, list[ConfigError]]:
    """The persona, or None when its file cannot be used, and every fault of the file.

    `webhooks` are the hosts it may call, None: any.
    """
    try:
        raw = read_toml(path)
    except ConfigError as error:
        return None, [error]
    wrong = []
    if not SLUG.fullmatch(path.stem):
        what = f'gives the persona the slug "{path.stem}".'
        remedy = "Rename the file to small letters, digits and hyphens."
        wrong.append(ConfigError(str(path), "", what, remedy))
    if "slug" in raw:
        wrong.append(ConfigError(str(path), "slug", "is taken from the file's name.", "Remove it."))
    persona, found = inspect(Persona, raw | {"slug": path.stem}, path)
    wrong += found
    if persona and persona.flow == "interview" and not persona.questions:
        what = "is empty, and the flow is an interview."
        wrong.append(ConfigError(str(path), "questions", what, "Add [[questions]]."))
    if persona:
        wrong += tool_faults(persona.tools, path, webhooks)
        wrong += _answer_faults(persona, path)
    return (None if wrong else persona), wrong


def _answer_faults(persona: Persona, path: Path) -> Iterator[ConfigError]:
    """Scripted answers that ask for a tool the persona does not have."""
    known = [*persona.tools.use, *(each.name for each in persona.tools.webhooks)]
    for number, answer in enumerate(persona.answers, start=1):
        if answer.tool and answer.tool not in known:
            what = f'is "{answer.tool}", which this persona does not have.'
            remedy = "Add it to tools.use." if answer.tool in OWN_TOOLS else "Add it to tools."
            yield ConfigError(str(path), f"answers[{number}].tool", what, remedy)
