"""Log lines: readable, by call, and without anything a caller said, dialled or is called."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from bot.config import Logs
from bot.logs import PRIVATE, call_logger, set_up_logs


@pytest.fixture(autouse=True)
def as_before():
    root, bot = logging.getLogger(), logging.getLogger("bot")
    before = (list(root.handlers), root.level, bot.level)
    yield
    root.handlers[:], level, bot_level = before
    root.setLevel(level)
    bot.setLevel(bot_level)
    structlog.reset_defaults()


def test_a_line_of_json_tells_call_level_and_time(capsys):
    set_up_logs(Logs(format="json"))
    call_logger("20261122-1", "bot.test").info("turn ended", turn=3)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"call": "20261122-1", "event": "turn ended", "level": "info", "turn": 3}


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("key", sorted(PRIVATE))
def test_private_keys_never_reach_the_line(capsys, style, key):
    set_up_logs(Logs(format=style))
    log = structlog.get_logger("bot.test").bind(**{key: "secret-one"})
    log.warning("something", **{key.upper(): "secret-two", "turn": 7})
    printed = capsys.readouterr().err
    assert "secret" not in printed
    assert "[private]" in printed
    assert "7" in printed


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_shows_no_values_of_variables(capsys, style):
    set_up_logs(Logs(format=style))
    words = "terces"[::-1]  # no source line shows it
    try:
        assert words
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("bot.test").exception("call crashed")
    printed = capsys.readouterr().err
    assert "RuntimeError: broken" in printed
    assert "secret" not in printed


def test_levels(capsys):
    set_up_logs(Logs(level="warning"))
    structlog.get_logger("bot.test").info("quiet")
    structlog.get_logger("bot.test").warning("loud")
    printed = capsys.readouterr().err
    assert "loud" in printed
    assert "quiet" not in printed


def test_libraries_are_heard_from_warning_on_only(capsys):
    set_up_logs(Logs(level="debug"))
    logging.getLogger("httpx").info("GET /secret")
    logging.getLogger("faster_whisper").debug("secret words")
    logging.getLogger("aiohttp").warning("slow")
    printed = capsys.readouterr().err
    assert "slow" in printed
    assert "secret" not in printed


def test_a_logger_made_before_the_set_up_obeys_it(capsys):
    early = structlog.get_logger("bot.early")
    set_up_logs(Logs(format="json"))
    early.info("hello", text="secret")
    assert json.loads(capsys.readouterr().err)["text"] == "[private]"


def test_a_file_gets_no_colours(capsys):
    set_up_logs(Logs(format="console"))
    structlog.get_logger("bot.test").info("hello", turn=1)
    assert "\x1b" not in capsys.readouterr().err
