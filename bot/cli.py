"""The command line: `python -m bot COMMAND`.

Commands are imported when they are run, so that `--help` needs none of the bot's libraries.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from bot import __version__
from bot.cli_options import config_option
from bot.errors import BotError

CANNOT = 2  # exit code of a fault an admin can mend
INTERRUPTED = 130

COMMANDS = {
    "serve": ("bot.cli:serve", "Start the bot and answer calls."),
    "check": ("bot.cli_check:check", "Validate configuration, personas and dialplans."),
    "route": ("bot.cli_route:route", "Tell who answers a number, and why."),
    "link": ("bot.cli_link:link", "Make a link with which a browser may call."),
    "healthy": ("bot.cli_healthy:healthy", "Ask the running bot how it is (exit code 0 or 1)."),
    "schema": ("bot.cli_check:schema", "Print the JSON Schema of a file."),
    "call": ("bot.cli_call:call", "Call a bot from this machine and hear what it says."),
    "dial": ("bot.cli_dial:dial", "Let the running bot call somebody by telephone."),
    "calls": ("bot.cli_records:calls", "List the newest calls."),
    "show": ("bot.cli_records:show", "Show one call's turns and timings."),
    "messages": ("bot.cli_messages:messages", "List the messages callers left."),
    "report": ("bot.cli_records:report", "Sum up calls and waiting times."),
    "replay": ("bot.cli_replay:replay", "Replay a call, as it was or under other settings."),
    "speech": ("bot.cli:speech", "Serve the local speech models alone."),
}


class Commands(click.Group):
    """A group that knows its commands' names and imports them late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bot")
def cli() -> None:
    """A telephone voice bot: callers dial, a persona answers.

    \b
    python -m bot serve
    python -m bot call sip:1000@127.0.0.1 --say "What time do you open tomorrow?"
    python -m bot show last
    """
    from bot.config import Logs
    from bot.logs import set_up_logs

    set_up_logs(Logs(level="warning"))  # standard output is for answers; serve reads its own level


@click.command()
@config_option
@click.pass_context
def serve(ctx: click.Context, config_path: Path) -> None:
    """Start the bot and answer calls until Ctrl-C or SIGTERM.

    Every key of the configuration can be overridden from the environment.

    \b
    python -m bot serve
    BOT__SIP__BIND=127.0.0.1:5070 python -m bot serve -c /etc/bot/config.toml
    """
    from bot.workers.supervisor import serve as run

    ctx.exit(run(config_path))


@click.command()
@config_option
@click.option("--bind", default="", help="address:port instead of the Unix socket.")
@click.pass_context
def speech(ctx: click.Context, config_path: Path, bind: str) -> None:
    """Serve the local speech models alone, for a bot on another machine.

    `serve` starts this by itself when it is needed. The API is OpenAI's: /v1/audio/transcriptions
    and /v1/audio/speech.

    \b
    python -m bot speech --bind 127.0.0.1:8090
    """
    from bot.config import load_config
    from bot.library import read_shelf
    from bot.logs import set_up_logs
    from bot.providers.names import coqui_wanted
    from bot.workers import speech_worker

    settings = load_config(config_path)
    set_up_logs(settings.logs)
    shelf = read_shelf(settings.personas.dir, settings.dialplans.dir)  # a bare machine has none
    coqui = coqui_wanted(settings, shelf.personas.values())
    ctx.exit(speech_worker.run(settings, bind, coqui=coqui))


def main() -> None:
    """Run a command; a fault that an admin can mend is one line and exit code 2."""
    try:
        code = cli(prog_name="python -m bot", standalone_mode=False)
    except BotError as error:
        _fail(str(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(text: str) -> NoReturn:
    print(f"bot: {text}", file=sys.stderr)
    sys.exit(CANNOT)
