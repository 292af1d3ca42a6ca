"""`<voice-bot>` on a page of another site."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page import eventually, last_call
from tests.support.bot_process import FAST_TURN, RECEPTION, BotProcess, shipped_persona
from tests.support.ports import free_port

Open = Callable[..., Page]
HTML = """<!doctype html><html lang="en"><title>A shop</title>
<script type="module" src="{bot}/talk.js"></script>
<voice-bot number="1000" label="Ask us"></voice-bot></html>"""


@pytest.fixture
def shop() -> Iterator[Callable[[str], str]]:
    """Serves a page that embeds the bot at the address it is given; its origin."""
    pages: dict[str, str] = {}

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages["/"].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header(
                "Content-Security-Policy",
                f"default-src 'none'; script-src {pages['bot']}; "
                f"connect-src {pages['bot']} {pages['bot'].replace('http', 'ws', 1)}",
            )
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def embed(bot: str) -> str:
        pages.update({"/": HTML.format(bot=bot), "bot": bot})
        return f"http://127.0.0.1:{server.server_port}"

    try:
        yield embed
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def embedded(shop: Callable[[str], str], tmp_path: Path) -> Iterator[tuple[BotProcess, str, str]]:
    """A bot that allows the shop; its address and the shop's."""
    bind = f"127.0.0.1:{free_port()}"
    origin = shop(f"http://{bind}")
    bot = BotProcess(
        tmp_path / "bot",
        persona=FAST_TURN,
        personas={RECEPTION: shipped_persona(RECEPTION)},
        dialplan={"routes": [{"number": "1000", "persona": RECEPTION}]},
        config={"web": {"bind": bind, "origins": [origin]}, "ai": {"mode": "mock"}},
    )
    try:
        bot.start()
        bot.until_printed("Talk:")
        yield bot, f"http://{bind}", origin
    finally:
        bot.stop()


def test_another_site_calls_with_one_element(
    chromium: Open, embedded: tuple[BotProcess, str, str]
) -> None:
    bot, _, origin = embedded
    page = chromium(10.0)
    page.goto(origin)
    page.evaluate(
        "window.heard = [];"
        "addEventListener('voicebot-state', (e) => window.heard.push(e.detail.state))"
    )
    page.get_by_role("button", name="Ask us").click()
    eventually(lambda: "speaking" in page.evaluate("window.heard"), 15)
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_role("button", name="Ask us")).to_be_visible()
    expect(page.get_by_text("You hung up.")).to_be_visible()
    assert last_call(bot)["end_reason"] == "caller hung up"


def test_a_site_nobody_named_calls_nobody(
    chromium: Open, embedded: tuple[BotProcess, str, str]
) -> None:
    bot, _, origin = embedded
    page = chromium(10.0)
    page.goto(origin.replace("127.0.0.1", "localhost"))
    page.wait_for_timeout(1000)  # its browser does not even run the script
    button = page.get_by_role("button", name="Ask us")
    if button.count():
        button.click()
        page.wait_for_timeout(2000)
    assert bot.rows("SELECT * FROM calls") == []
