"""A bot, a Chromium whose microphone plays a file, and a page of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.support.bot_process import FAST_TURN, RECEPTION, BotProcess, shipped_persona
from tests.support.phone import spoken, write_wav
from tests.support.ports import free_port

MIC_HZ = 48_000
QUIET_FLAGS = (
    "--no-sandbox --autoplay-policy=no-user-gesture-required --disable-background-networking "
    "--disable-component-update --disable-default-apps --disable-sync --no-first-run "
    "--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider"
).split()
FAKE_DEVICES = "--use-fake-device-for-media-stream"  # this machine has none of its own
ALLOWED = "--use-fake-ui-for-media-stream"
QUESTION = "What time do you open tomorrow?"
PLAN = {
    "routes": [
        {"number": "1000", "persona": RECEPTION, "description": "the clinic's reception"},
        {"number": "1003", "persona": RECEPTION, "ring_s": 1.0, "description": "rings first"},
    ]
}


def microphone(folder: Path, *parts: str | float) -> Path:
    """A file that says the texts, with so many seconds of quiet where a number stands."""
    audio = [
        spoken(each, MIC_HZ) if isinstance(each, str) else np.zeros(round(each * MIC_HZ), np.int16)
        for each in parts
    ]
    return write_wav(folder / "microphone.wav", np.concatenate(audio), MIC_HZ)


@pytest.fixture(scope="package")
def web_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """The reception behind 1000 and 1003; whoever calls is not counted."""
    made = BotProcess(
        tmp_path_factory.mktemp("web-bot"),
        persona=FAST_TURN,
        personas={RECEPTION: shipped_persona(RECEPTION)},
        dialplan=PLAN,
        config={
            "web": {
                "bind": f"127.0.0.1:{free_port()}",
                "calls_per_minute": 1000,
                "requests_per_minute": 10_000,
                "origins": ["http://localhost:8"],
            },
            "webrtc": {"reconnect_s": 8.0},
        },
    )
    try:
        made.start()
        made.until_printed("Talk:")
        yield made
    finally:
        made.stop()


@pytest.fixture
def home(web_bot: BotProcess) -> str:
    return f"http://{web_bot.config['web']['bind']}/"


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


class Chromiums:
    """Starts browsers, each with a microphone of its own."""

    def __init__(self, playwright: Playwright, folder: Path) -> None:
        self._playwright, self._folder = playwright, folder
        self._made: list[Browser] = []
        self.contexts: list[BrowserContext] = []

    def open(
        self,
        *said: str | float,
        flags: tuple[str, ...] = (ALLOWED,),
        devices: tuple[str, ...] = (FAKE_DEVICES,),
        **how: object,
    ) -> Page:
        """A page of a fresh browser whose caller says this (see `microphone`) from the call on."""
        folder = self._folder / str(len(self._made))
        folder.mkdir()
        file = microphone(folder, *(said or (1.0,)))
        browser = self._playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                *QUIET_FLAGS,
                *devices,
                *flags,
                f"--use-file-for-fake-audio-capture={file}%noloop",
            ],
        )
        self._made.append(browser)
        context = browser.new_context(**how)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        return context.new_page()

    def close(self) -> None:
        for each in self._made:
            with contextlib.suppress(Exception):
                each.close()


@pytest.fixture
def chromium(playwright: Playwright, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    made = Chromiums(playwright, tmp_path)
    try:
        yield made.open
    finally:
        made.close()
