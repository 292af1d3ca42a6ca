"""`route`: who would answer a call, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from bot.cli_options import config_option
from bot.config import Config, load_config
from bot.dialplan import Route
from bot.legs.sip_identity import calling, dialled, how_found
from bot.legs.sip_message import headers_of
from bot.library import library_of
from bot.numbers import e164

NOBODY = 1


@dataclass(frozen=True, slots=True)
class Told:
    """What would become of a call."""

    number: str  # as the dialplan sees it
    caller: str  # "" when withheld
    persona: str | None  # None: nobody answers
    ring_s: float | None
    ends: str  # "hears 486 Busy Here", "is sent to sip:…"; "" where somebody answers
    why: str


@click.command()
@click.argument("number")
@click.option("--from", "caller", default="", metavar="CALLER", help="Who calls.")
@click.option(
    "--header", "headers", multiple=True, metavar="LINE",
    help="A header of the INVITE, as 'Diversion: <sip:030555@carrier>'; repeatable.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def route(
    number: str, caller: str, headers: tuple[str, ...], as_json: bool, config_path: Path
) -> None:
    """Tell who would answer NUMBER, and why. Exit code 1 when nobody would.

    With --header the numbers are looked for as in an INVITE: see sip.called_from, sip.caller_from
    and docs/numbers.md. With --json an object: number and caller (as the dialplan sees them),
    persona (null for nobody), ring_s, ends (what a caller gets whom nobody answers), why.

    \b
    python -m bot route 1000
    python -m bot route 1001 --from +15551234567 --json
    python -m bot route bot --header "Diversion: <sip:+4930555@carrier.example>"
    """
    config = load_config(config_path)
    told = looked_up(config, headers_as_in_invite(number, caller, headers))
    if as_json:
        click.echo(json.dumps(asdict(told), indent=2, ensure_ascii=False))
    elif told.persona is not None:
        library = library_of(config)
        name = library.personas[told.persona].name
        rings = f" after {told.ring_s:g} s of ringing" if told.ring_s else ""
        click.echo(f"{name} ({told.persona}) answers{rings}: {told.why}.")
    else:
        click.echo(f"Nobody answers, the caller {told.ends}: {told.why}.")
    if told.persona is None:
        sys.exit(NOBODY)


def headers_as_in_invite(number: str, caller: str, lines: tuple[str, ...]) -> Mapping[str, str]:
    """By lower-case name, as `bot.legs.sip_message.headers_of` gives them."""
    told = [f"INVITE sip:{number}@bot SIP/2.0", f"To: <sip:{number}@bot>"]
    told += [f"From: <sip:{caller or 'anonymous'}@caller>"]
    return headers_of("\r\n".join([*told, *lines, "", ""]))


def looked_up(config: Config, headers: Mapping[str, str]) -> Told:
    """Raises ConfigError when a persona or dialplan cannot be read."""
    sip = config.sip
    library = library_of(config)
    whom, who = dialled(headers, sip.called_from), calling(headers, sip.caller_from)
    number, caller = e164(whom.number, sip.region), e164(who.number, sip.region)
    decision = library.decide(number, caller)
    found = how_found(whom, who, number)
    route = decision.route
    answers = route is not None and bool(route.persona)
    return Told(
        number,
        caller,
        route.persona if route is not None and answers else None,
        route.ring_s if route is not None and answers else None,
        "" if answers else _end(route),
        f"{decision.why} ({found})" if found else decision.why,
    )


def _end(route: Route | None) -> str:
    if route is not None and route.redirect:
        return f"is sent to {route.redirect}"
    code, reason = (route.reject, route.reason) if route is not None else (404, "")
    return f"hears {code} {reason}".rstrip()
