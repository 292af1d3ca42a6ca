"""`link`: make a signed link that lets somebody call from a browser, or read the status."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.parse import urlencode

import click

from bot.addresses import split_address
from bot.cli_options import config_option
from bot.config import Config, load_config
from bot.library import library_of
from bot.toml_files import suggestion
from bot.web.access import EVERYWHERE, access_mode, base_url
from bot.web.links import ANY, links_of

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    """ "90s", "30m", "1h", "7d" as seconds."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is no time such as 30m, 1h or 7d.", param, ctx)
        return float(found[1]) * UNITS_S[found[2]]


@click.command()
@click.argument("number", default="")
@click.option("--persona", default="", metavar="SLUG", help="Who may be called, by name.")
@click.option("--status", is_flag=True, help="A link to the status pages; no calls.")
@click.option("--valid", "valid_s", type=Duration(), default="1h", show_default=True,
              help="How long: 30m, 1h, 7d.")  # fmt: skip
@click.option("--base", default="", metavar="URL", help="How the bot is reached from outside.")
@config_option
def link(
    number: str, persona: str, status: bool, valid_s: float, base: str, config_path: Path
) -> None:
    """Make a link with which a browser may call NUMBER; without one, every number.

    Whoever has the link can use it until it expires. The links of --status open the pages that
    show what callers said, and no calls; keep them to yourself. docs/access.md tells how other
    sites make links themselves.

    \b
    python -m bot link 1000 --valid 1h
    python -m bot link --persona domain-expert --base https://bot.example.com
    python -m bot link --status --valid 7d
    """
    if bool(number) + bool(persona) + status > 1:
        raise click.UsageError("Give a NUMBER, or --persona, or --status.")
    config = load_config(config_path)
    _must_exist(config, number, persona)
    links = links_of(config)
    token = links.make(
        number or persona or ANY, valid_s=valid_s, scope="status" if status else "call"
    )
    asked = {"number": number, "persona": persona, "token": token}
    query = urlencode({key: value for key, value in asked.items() if value})
    click.echo(f"{base.rstrip('/') or _base(config)}{'/status' if status else '/'}?{query}")
    if access_mode(config) == "open" and not status:
        click.echo("Note: web.access is open here, so nobody needs a link to call.", err=True)


def _must_exist(config: Config, number: str, persona: str) -> None:
    """Raises click.UsageError with what there is when nobody of that name or number is."""
    library = library_of(config)
    if persona and persona not in library.personas:
        told = suggestion(persona, sorted(library.personas))
        raise click.UsageError(f"There is no persona {persona}. {told}")
    route = library.decide(number).route if number else None
    if number and (route is None or not route.persona):
        told = suggestion(number, [each.number for each in library.plan.routes])
        raise click.UsageError(f"Nobody answers {number}. {told}")


def _base(config: Config) -> str:
    """Scheme and host as the configuration has them."""
    host = socket.gethostname()
    if split_address(config.web.bind)[0] in EVERYWHERE:
        told = "stands in for every address of web.bind; --base URL says it better."
        click.echo(f"Note: {host} {told}", err=True)
    elif config.web.trusted_proxies:
        click.echo("Note: behind a proxy, give its address: --base URL", err=True)
    return base_url(config, host)
