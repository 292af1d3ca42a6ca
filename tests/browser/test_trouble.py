"""What the page says when a call cannot be made, and how it looks to everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.page import CallPage
from tests.support.bot_process import FAST_TURN, RECEPTION, BotProcess, shipped_persona
from tests.support.ports import free_port

Open = Callable[..., Page]
PICTURES = Path("var/screenshots")
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


def faults(page: Page) -> list[str]:
    """What axe-core finds serious or worse."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['target']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def pictures(page: Page, name: str) -> None:
    """At both sizes, light and dark; without a serious fault in any of them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            # without motion: what is only half faded in has no contrast yet
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            page.wait_for_timeout(250)  # what fades has faded
            page.screenshot(path=PICTURES / f"{name}-{size}-{scheme}.png")
            assert faults(page) == []


def scrolls_sideways(page: Page) -> bool:
    page.set_viewport_size({"width": 320, "height": 640})
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_the_page_before_and_in_a_call(chromium: Open, home: str) -> None:
    page = CallPage(chromium(20.0), home)
    assert not scrolls_sideways(page.page)
    pictures(page.page, "idle")
    page.call()
    page.until("speaking")
    pictures(page.page, "in-call")
    page.button("Keypad").click()
    pictures(page.page, "keypad")
    assert not scrolls_sideways(page.page)
    page.hang_up()
    pictures(page.page, "ended")


def test_a_refused_microphone_is_explained(chromium: Open, home: str) -> None:
    page = CallPage(chromium(flags=("--deny-permission-prompts",)), home)
    page.call()
    expect(page.page.get_by_role("heading", name="The microphone is blocked")).to_be_visible()
    expect(page.page.get_by_role("alert")).to_contain_text("Allow")
    assert not scrolls_sideways(page.page)
    pictures(page.page, "refused")


def test_a_computer_without_a_microphone_is_told_so(chromium: Open, home: str) -> None:
    page = CallPage(chromium(devices=()), home)
    page.call()
    expect(page.page.get_by_role("heading", name="No microphone found")).to_be_visible()
    expect(page.page.get_by_role("alert")).to_contain_text("headset")


def test_an_address_that_is_not_secure_is_explained(
    chromium: Open, playwright: object, tmp_path: Path
) -> None:
    port = free_port()
    bot = one_line(tmp_path / "far", f"0.0.0.0:{port}", access="open")
    try:
        page = CallPage(
            chromium(flags=("--host-resolver-rules=MAP bot.example 127.0.0.1",)),
            f"http://bot.example:{port}/",
        )
        expect(page.page.get_by_role("heading", name="not secure")).to_be_visible()
        expect(page.page.get_by_role("alert")).to_contain_text("https://")
    finally:
        bot.stop()


def one_line(folder: Path, bind: str, **web: object) -> BotProcess:
    """A bot with a single line, and nothing to hear or think with."""
    made = BotProcess(
        folder,
        persona=FAST_TURN,
        personas={RECEPTION: shipped_persona(RECEPTION)},
        dialplan={"default": {"persona": RECEPTION}, "routes": [
            {"number": "1000", "persona": RECEPTION}]},
        config={"web": {"bind": bind, "max_calls_per_worker": 1, **web}, "ai": {"mode": "mock"}},
    )  # fmt: skip
    made.start()
    made.until_printed("Talk:")
    return made


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[str]:
    bind = f"127.0.0.1:{free_port()}"
    made = one_line(tmp_path / "narrow", bind)
    try:
        yield f"http://{bind}/"
    finally:
        made.stop()


def test_the_second_caller_of_one_line_is_told_that_it_is_busy(chromium: Open, narrow: str) -> None:
    first, second = CallPage(chromium(30.0), narrow), CallPage(chromium(30.0), narrow)
    first.call()
    first.until("speaking")
    second.call()
    expect(second.page.get_by_role("heading", name="All lines are busy")).to_be_visible()
    expect(second.page.locator("#countdown")).to_contain_text("Calling again in")
    pictures(second.page, "busy")
    first.hang_up()
    second.button("Call now").click()
    second.until("speaking")
    second.hang_up()
