"""`check` and `schema`: the files an admin writes, looked at before any call."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NoReturn, cast

import click
from pydantic import BaseModel

from bot.addresses import split_address
from bot.cli_options import config_option
from bot.cli_weights import weight_faults
from bot.config import Config, check_config
from bot.dialplan import Dialplan, ends_in
from bot.errors import ConfigError
from bot.library import read_shelf
from bot.persona import Persona
from bot.providers.base import TextToSpeech
from bot.providers.names import KINDS, Kind, named, own
from bot.secrets import secret

CANNOT = 2
PERSONA_KEYS: dict[Kind, str] = {"stt": "ai.stt", "llm": "ai.llm", "tts": "voice.provider"}
SCHEMAS: dict[str, type[BaseModel]] = {"persona": Persona, "dialplan": Dialplan, "config": Config}


@click.command()
@click.option("--live", is_flag=True, help="Also ask each provider something tiny.")
@config_option
def check(config_path: Path, live: bool) -> None:
    """Validate the configuration, every persona and every dialplan; start nothing.

    Each fault is one line: file, key, what is wrong, what to do. Exit code 2 when there is one.
    With --live every provider that may be asked in a call gets one tiny request; printed is how
    long it took, or why it failed and what to do (exit code 2). A bot that runs here also tells how
    its trunks stand.

    \b
    python -m bot check
    python -m bot check --live
    python -m bot check -c /etc/bot/config.toml
    """
    # the servers are slow to import
    from bot.cli_check_sip import sip_faults, sip_notes, try_trunks
    from bot.cli_check_web import web_faults, web_notes

    config, faults = check_config(config_path)
    if config is None:
        refuse(faults)
    shelf = read_shelf(
        config.personas.dir, config.dialplans.dir, config.webhooks.allow, config.sip.region
    )
    faults = [
        *faults,
        *weight_faults(config, config_path, shelf.personas.values()),
        *token_faults(config.personas.dir, shelf.personas),
        *provider_faults(config, config_path, shelf.personas.values()),
        *sip_faults(config),
        *web_faults(config, config_path),
        *shelf.faults,
    ]
    if faults or shelf.plan is None:
        refuse(faults)
    names = ", ".join(f"{each.name} ({slug})" for slug, each in shelf.personas.items())
    port = split_address(config.sip.bind)[1]
    click.echo(f"{config_path}: no fault. {config.sip.max_calls} calls at once on SIP port {port}.")
    click.echo(f"Personas: {names}.")
    default = ends_in(shelf.plan.default) if shelf.plan.default else "nobody"
    routes = ", ".join(f"{each.number} → {ends_in(each)}" for each in shelf.plan.routes)
    click.echo(f"Dialplan: {routes or 'no numbers'}, any other number → {default}.")
    notes = (sip_notes(config, config_path), web_notes(config, config_path))
    for note in chain(style_notes(config, shelf.personas.values()), *notes):
        click.echo(note)
    if live:
        fine = asyncio.run(try_providers(config, list(shelf.personas.values())))
        if not (try_trunks(config) and fine):
            sys.exit(CANNOT)


@click.command()
@click.argument("file", type=click.Choice(list(SCHEMAS)))
def schema(file: str) -> None:
    """Print the JSON Schema of a FILE, for editors that check TOML as it is written.

    \b
    python -m bot schema persona > persona.schema.json
    """
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    click.echo(json.dumps(told | SCHEMAS[file].model_json_schema(), indent=2, ensure_ascii=False))


def provider_faults(
    config: Config, path: Path, personas: Iterable[Persona]
) -> Iterator[ConfigError]:
    """Providers that nobody knows, or whose key is not set."""
    from bot.providers.registry import create  # slow to import, and only wanted here

    sample = next(iter(personas), None)
    if sample is None:
        return  # that is a fault of its own
    for kind, wanted in [(each, name) for each in KINDS for name in named(each, config)]:
        try:
            create(kind, wanted, config, sample)
        except ConfigError as error:
            file = error.file if error.file == "environment" else str(path)
            yield ConfigError(file, error.key, error.what, error.remedy)
    for persona in personas:
        for kind, wanted in [(each, name) for each in KINDS for name in own(each, persona)]:
            try:
                create(kind, wanted, config, persona)
            except ConfigError as error:
                file = str(config.personas.dir / f"{persona.slug}.toml")
                key = PERSONA_KEYS[kind]
                if error.file == "environment":
                    file, key = error.file, error.key
                yield ConfigError(file, key, error.what, error.remedy)


def token_faults(folder: Path, personas: Mapping[str, Persona]) -> Iterator[ConfigError]:
    """Tokens of webhooks that are not set, or cannot be read."""
    for slug, persona in personas.items():
        for number, webhook in enumerate(persona.tools.webhooks, start=1):
            if not webhook.bearer_env:
                continue
            try:
                known = bool(secret(webhook.bearer_env))
            except ConfigError as error:
                yield error
                continue
            if not known:
                file, key = str(folder / f"{slug}.toml"), f"tools.webhooks[{number}].bearer_env"
                what = f"names {webhook.bearer_env}, which is not set."
                yield ConfigError(file, key, what, f"Export it, or {webhook.bearer_env}_FILE.")


def style_notes(config: Config, personas: Iterable[Persona]) -> Iterator[str]:
    """Styles that the voice which is asked first does not heed. No fault: the persona speaks."""
    from bot.providers.registry import create

    for persona in personas:
        name = named("tts", config, persona)[0]
        tts = cast("TextToSpeech", create("tts", name, config, persona))
        if persona.voice.style and "style" not in tts.does:
            file = config.personas.dir / f"{persona.slug}.toml"
            yield f"Note: {file}: voice.style has no effect, the voice {name} has no styles."


async def try_providers(config: Config, personas: Sequence[Persona]) -> bool:
    """Print how long each provider took, or why it failed; did all answer?"""
    from bot.providers.live_check import try_all

    fine = True
    async for trial in try_all(config, personas):
        fine = fine and not trial.problem
        result = trial.problem or f"{trial.took_s * 1000:.0f} ms"
        click.echo(f"{trial.kind} {trial.name}: {result}", err=bool(trial.problem))
    return fine


def refuse(faults: list[ConfigError]) -> NoReturn:
    """All faults on standard error, each once, exit code 2."""
    lines = dict.fromkeys(str(fault) for fault in faults)
    for line in lines:
        click.echo(line, err=True)
    count = "1 fault." if len(lines) == 1 else f"{len(lines)} faults."
    click.echo(count, err=True)
    sys.exit(CANNOT)
