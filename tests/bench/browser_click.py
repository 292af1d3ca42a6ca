"""From the click on Call to the first sound of the bot, in a real Chromium on the real page."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.bench.numbers import p50_p95
from tests.browser.conftest import ALLOWED, FAKE_DEVICES, QUIET_FLAGS
from tests.support.bot_process import BotProcess
from tests.support.ports import free_port

CLICKS = 21  # the first one warms up
HEARD = "() => performance.getEntriesByName('voice-bot:heard').length > 0"
TOOK = """() => {
  const at = (name) => performance.getEntriesByName(name)[0].startTime;
  const took = at("voice-bot:heard") - at("voice-bot:call");
  performance.clearMarks();
  return took;
}"""


def measure(clicks: int = CLICKS, done: Callable[[], None] = lambda: None) -> dict[str, float]:
    """p50 and p95 in ms of all clicks but the first, and that one."""
    bind = f"127.0.0.1:{free_port()}"
    web = {"bind": bind, "calls_per_minute": 1000, "requests_per_minute": 10_000}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bot = BotProcess(Path(folder), config={"web": web})
        bot.start()
        bot.until_printed("Talk:")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*QUIET_FLAGS, FAKE_DEVICES, ALLOWED]
        )
        try:
            page = browser.new_page()
            page.goto(f"http://{bind}/")
            took = []
            for number in range(clicks):
                name = "Call again" if number else "Call"
                page.get_by_role("button", name=name, exact=True).click()
                page.wait_for_function(HEARD, polling=10)
                took.append(float(page.evaluate(TOOK)))
                page.get_by_role("button", name="Hang up", exact=True).click()
                page.get_by_role("heading", name="Call ended").wait_for()
                page.wait_for_timeout(300)
                done()
        finally:
            browser.close()
            bot.stop()
    return {**p50_p95(took[1:]), "first": round(took[0], 1), "clicks": clicks - 1}
