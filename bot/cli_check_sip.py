"""Are trunks and sources as they should be? Part of `check`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import click

from bot.cli_dial import ask
from bot.config import Config
from bot.errors import ConfigError, StartError
from bot.workers.sip_logins import password_of

WELL = ("registered", "peer")


def sip_faults(config: Config) -> Iterator[ConfigError]:
    """Passwords that are not there."""
    for trunk in config.sip.trunk:
        try:
            password_of(trunk)
        except ConfigError as error:
            yield error


def sip_notes(config: Config, path: Path) -> Iterator[str]:
    """Who is heard."""
    sip = config.sip
    if any(ipaddress.ip_network(each).prefixlen == 0 for each in sip.allow) or not sip.allow:
        yield f"Note: {path}: sip.allow lets everybody call who finds the port, scanners too."
        return
    trunks = "".join(f", trunk {trunk.name}" for trunk in sip.trunk)
    others = "silence" if sip.refuse == "silence" else "403"
    yield f"SIP is heard from: {', '.join(sip.allow)}{trunks}. All others: {others}."


def try_trunks(config: Config) -> bool:
    """Print how the running bot's trunks stand; are all well? None is when no bot runs here."""
    if not config.sip.trunk:
        return True
    try:
        states = ask(config.sip_socket, "/trunks")["trunks"]
    except StartError:
        click.echo("Trunks: not tried, for the bot does not run. It tells when it does.")
        return True
    for each in states:
        code = f" ({each['code']})" if each["code"] >= 300 else ""
        well = each["standing"] in WELL
        told = f"trunk {each['name']}: {each['standing']}{code} at {each['server']}"
        click.echo(told, err=not well)
    return all(each["standing"] in WELL for each in states)
