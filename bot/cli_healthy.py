"""`healthy`: does the bot on this machine answer? For container runtimes and monitors."""

from __future__ import annotations

from pathlib import Path

import click

from bot.addresses import split_address
from bot.cli_options import config_option
from bot.web_settings import Web

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
OK, SICK = 0, 1
WITHIN_S = 4.0


def health_url(web: Web) -> str:
    """Where to ask from this machine."""
    host, port = split_address(web.bind)
    host = ANYWHERE.get(host, host)
    scheme = "https" if web.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/healthz"


@click.command()
@config_option
@click.pass_context
def healthy(ctx: click.Context, config_path: Path) -> None:
    """Ask the running bot of this machine how it is. Exit code 0 when it is well, 1 when not.

    \b
    python -m bot healthy || systemctl restart bot
    """
    import httpx

    from bot.config import load_config

    url = health_url(load_config(config_path).web)
    try:
        # the certificate is for the name that visitors use, and we ask by address
        answer = httpx.get(url, verify=False, timeout=WITHIN_S, trust_env=False)  # noqa: S501
    except httpx.HTTPError as error:
        click.echo(f"{url} does not answer: {type(error).__name__}.")
        ctx.exit(SICK)
    click.echo(answer.text)
    ctx.exit(OK if answer.is_success else SICK)
