"""`dial`: the running bot calls somebody. To try the bot itself there is `call`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bot.cli_options import config_option, json_option
from bot.errors import LegError, StartError

WITHIN_S = 8.0


@click.command()
@click.argument("number")
@click.option("--trunk", default="", metavar="NAME", help="By which trunk; needed with several.")
@click.option(
    "--persona", default="", metavar="SLUG", help="Who speaks. [default: who answers the caller id]"
)
@click.option("--caller", default="", metavar="NUMBER", help="Caller id. [default: the trunk's]")
@json_option
@config_option
def dial(
    number: str, trunk: str, persona: str, caller: str, as_json: bool, config_path: Path
) -> None:
    """Let the bot that is running here call NUMBER; a persona speaks when somebody answers.

    Returns when the call is on its way; `python -m bot show` tells what became of it. A call that
    cannot begin is one line on standard error and exit code 2.

    With --json an object: call_id, trunk, persona.

    \b
    python -m bot dial +4930123456
    python -m bot dial 030123456 --trunk acme --persona helpful-assistant
    """
    from bot.config import load_config

    order = {"number": number, "trunk": trunk, "persona": persona, "caller": caller}
    told = ask(load_config(config_path).sip_socket, "/dial", order)
    if as_json:
        import json

        click.echo(json.dumps(told, indent=2))
    else:
        click.echo(f"{told['persona']} calls through {told['trunk']}: {told['call_id']}")


def ask(socket: Path, path: str, order: dict[str, str] | None = None) -> Any:
    """What the SIP worker answers. Raises StartError when none runs here, LegError when it
    refuses."""
    import httpx

    transport = httpx.HTTPTransport(uds=str(socket))
    try:
        with httpx.Client(transport=transport, base_url="http://sip", timeout=WITHIN_S) as client:
            answer = client.post(path, json=order) if order else client.get(path)
    except httpx.TransportError:
        raise StartError(
            f"no bot answers on {socket}. Start it (python -m bot serve), or name its file with -c."
        ) from None
    told = answer.json()
    if answer.is_error:
        raise LegError(f"{told['error']}.")
    return told
