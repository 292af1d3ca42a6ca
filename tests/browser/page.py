"""The call page as its user sees it, in a few words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.bot_process import BotProcess

WATCH = """() => {
  window.states = [];
  window.shift = 0;
  const talk = document.getElementById("talk");
  new MutationObserver(() => window.states.push(talk.dataset.state))
    .observe(talk, { attributes: true, attributeFilter: ["data-state"] });
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) window.shift += each.value; // also just after a click
  }).observe({ type: "layout-shift" });
}"""


class CallPage:
    """A page of the bot. `states` are those it went through since the call began."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        page.goto(home)
        page.evaluate(WATCH)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def call(self) -> None:
        self.button("Call").click()

    def until(self, state: str, timeout_s: float = 15) -> None:
        self.page.wait_for_function(
            "state => window.states.includes(state)", arg=state, timeout=timeout_s * 1000
        )

    @property
    def states(self) -> list[str]:
        return list(self.page.evaluate("window.states"))

    @property
    def said(self) -> Locator:
        """What was said, one entry a turn and speaker."""
        return self.page.locator("#transcript .said")

    def hang_up(self) -> None:
        self.button("Hang up").click()
        expect(self.page.get_by_role("heading", name="Call ended")).to_be_visible()


def last_call(bot: BotProcess, *, ended: bool = True, timeout_s: float = 5.0) -> dict[str, Any]:
    """The newest call's record, once it is (or is not) closed."""
    found: dict[str, Any] = {}

    def there() -> bool:
        rows = bot.rows("SELECT * FROM calls ORDER BY started DESC LIMIT 1")
        found.update(rows[0] if rows else {})
        return bool(rows) and (found["ended"] is not None) == ended

    eventually(there, timeout_s)
    return found


def events_of(bot: BotProcess, call_id: str, kind: str) -> list[dict[str, Any]]:
    rows = bot.rows("SELECT detail FROM events WHERE call_id = ? AND kind = ?", call_id, kind)
    return [json.loads(row["detail"]) for row in rows]


def eventually(happened: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
