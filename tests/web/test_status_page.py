"""The status page through a real server and client."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from bot.config import Config, Sip, Store
from bot.dialplan import Dialplan, Route
from bot.library import Shelf
from bot.persona import Metadata, Persona
from bot.store.detours import PROVIDER
from bot.store.recorder import AnswerScore, CallLog, CallStart
from bot.store.schema import MARKS
from bot.web.app import make_app

NOW = datetime.now(UTC)
CLINIC = Persona(
    slug="clinic", name="The <Clinic>", description="Opening hours", greeting="Hi",
    system_prompt="x", metadata=Metadata(source_template_id="x"),
)  # fmt: skip
PLAN = Dialplan(
    routes=[
        Route(number="1000", persona="clinic"),
        Route(number="20*", persona="clinic", callers=["+49"]),
    ],
    default=Route(persona="clinic", description="whoever is lost"),
)
WHO = Shelf({"clinic": CLINIC}, frozenset(), PLAN, ())
Browser = TestClient  # type: ignore[type-arg]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest_asyncio.fixture
async def browser(database: Path) -> AsyncIterator[Browser]:
    config = Config(store=Store(path=database), sip=Sip(bind="0.0.0.0:5070", max_calls=4))
    async with TestClient(TestServer(make_app(config, WHO))) as client:
        yield client


@pytest.fixture
def filled(database: Path) -> CallLog:
    """22 ended calls and a live one; the newest ended call has a timed, interrupted turn."""
    log = CallLog(database)
    for n in range(22):
        call, at = f"call/{n:02}", NOW - timedelta(minutes=60 - n)
        log.begin(CallStart(call, "sip", call, f"+49301234{n:02}", "1000", "clinic", "why", at))
        log.answered(call, at, "G722")
        log.end(call, at + timedelta(seconds=65), "caller", {"rtp_received": 900, "rtp_lost": 4})
    for mark, at_s in zip(MARKS, (3.0, 5.5, 5.65, 5.66, 5.75, 5.77), strict=True):
        log.mark("call/21", 1, mark, at_s)
    log.turn(
        "call/21", 1, caller_text="<script>alert(1)</script>", reply_text="At eight. Bye.",
        bot_heard="At eight.", interrupted=True, error="groq: no answer within 8 s",
    )  # fmt: skip
    log.begin(CallStart("live", "sip", "x", "+4930999955", "2001", "gone", "why", NOW))
    log.close()
    return log


async def text(browser: Browser, path: str, status: int = 200) -> str:
    async with browser.get(path) as response:
        assert response.status == status
        return await response.text()


async def test_index_tells_who_answers_and_how_to_dial(browser: Browser, filled: CallLog) -> None:
    page = await text(browser, "/status")
    # bound to every address: the name the page was asked for under is the one to dial
    assert 'href="sip:1000@127.0.0.1:5070"' in page
    assert "20…" in page and "callers from +49" in page
    assert "Any other number" in page and "whoever is lost" in page
    assert page.count("sip:") == 2  # nobody can dial a pattern; link and its text


async def test_index_shows_live_and_last_calls(browser: Browser, filled: CallLog) -> None:
    page = await text(browser, "/status")
    assert "1 of 4" in page
    assert page.count("<tr ") == 1 + 20
    assert "call/21" in page and "call/02" not in page
    assert "1:05" in page and "2.77 s" in page
    assert "gone" in page  # a persona that was deleted since


async def test_caller_numbers_are_masked_everywhere(browser: Browser, filled: CallLog) -> None:
    for path in ("/status", "/calls/call/21", "/calls/live"):
        page = await text(browser, path)
        assert not re.search(r"\+493|301234|309999", page)
    assert "••• 21" in await text(browser, "/calls/call/21")


async def test_call_page_shows_turns_with_their_ledger(browser: Browser, filled: CallLog) -> None:
    page = await text(browser, "/calls/call/21")
    words = " ".join(re.sub(r"<title>.*?</title>|<[^>]+>", " ", page).split())
    assert (
        "2770 ms = 2500 silence wait + 150 speech to text + 10 language model"
        " + 90 text to speech + 20 to the wire" in words
    )
    widths = [float(width) for width in re.findall(r'<rect class="\w+" .*?width="([\d.]+)"', page)]
    assert len(widths) == 5
    assert sum(widths) == pytest.approx(1000, abs=1)
    assert "the caller heard: At eight." in words
    assert "groq: no answer within 8 s" in words
    assert "4 of 900" in words


async def test_call_page_shows_who_worked_and_who_failed(
    browser: Browser, filled: CallLog, database: Path
) -> None:
    log = CallLog(database)
    log.turn("call/21", 0, reply_text="Hi.", bot_heard="Hi.", tts="cache")
    log.turn("call/21", 1, stt="local", llm="groq", tts="<groq>")
    log.event(
        "call/21", 5600.0, PROVIDER, turn=1, what="stt", answered="local",
        after=[{"provider": "groq", "code": "429"}],
    )  # fmt: skip
    log.close()
    page = await text(browser, "/calls/call/21")
    first, second = page.split('<ol class="turns">')[1].split("</li>")[:2]
    assert "tts cache" in first and "answered by" not in first
    assert "stt local, llm groq, tts &lt;groq&gt;" in second
    assert "stt answered by local after groq 429" in second
    assert "answered by" not in await text(browser, "/calls/live")


async def test_call_page_shows_messages_with_masked_numbers(
    browser: Browser, filled: CallLog, database: Path
) -> None:
    log = CallLog(database)
    log.message("live", NOW, 1, text="Buy <b>milk", name="Ada", number="+49301234567")
    log.message("live", NOW, 1, text="Call me.", name="", number="")
    log.close()
    page = await text(browser, "/calls/live")
    assert "Buy &lt;b&gt;milk" in page and "unknown, no number" in page
    assert "+49301234567" not in page and "Messages" not in await text(browser, "/calls/call/21")


async def test_call_page_shows_the_score_of_an_interview(
    browser: Browser, filled: CallLog, database: Path
) -> None:
    log = CallLog(database)
    log.answer("live", AnswerScore(1, "A <lock>?", 2, ("waiting",), asked=True, hinted=True))
    log.answer("live", AnswerScore(2, "A tree?", 3))
    log.close()
    page = await text(browser, "/calls/live")
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "1 of 2 points, 1 of 2 questions asked" in words
    assert "A &lt;lock&gt;? 1 of 2, with a hint: waiting A tree? not asked" in words
    assert "Interview" not in await text(browser, "/calls/call/21")


async def test_what_callers_and_personas_say_is_no_html(browser: Browser, filled: CallLog) -> None:
    call = await text(browser, "/calls/call/21")
    assert "<script" not in call
    assert "&lt;script&gt;alert(1)" in call
    assert "The &lt;Clinic&gt;" in await text(browser, "/status")


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/status", 200), ("/healthz", 200), ("/calls/none", 404),
                         ("/nowhere", 404), ("/static/style.css", 200), ("/static/../app.py", 404)],
)  # fmt: skip
async def test_every_answer_is_locked_down(
    browser: Browser, filled: CallLog, path: str, status: int
) -> None:
    async with browser.get(path) as response:
        assert response.status == status
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_pages_keep_their_own_policy(browser: Browser, filled: CallLog) -> None:
    """No script, no inline style, nothing from elsewhere: the policy would refuse it."""
    for path in ("/status", "/calls/call/21", "/calls/none"):
        async with browser.get(path) as response:
            page = await response.text()
        assert not re.search(r"<style|<script|\sstyle=|\son\w+=|https?://", page)
        assert page.count("<h1>") == 1
        assert '<html lang="en">' in page


async def test_only_reading_is_allowed(browser: Browser, filled: CallLog) -> None:
    async with browser.post("/") as response:
        assert response.status == 405


async def test_health_tells_whether_the_record_can_be_read(
    browser: Browser, database: Path
) -> None:
    async with browser.get("/healthz") as response:
        assert response.status == 503
        assert (await response.json())["ok"] is False
    CallLog(database).close()
    async with browser.get("/healthz") as response:
        assert response.status == 200
        assert await response.json() == {"ok": True, "database": "ok"}
    database.write_bytes(b"no database at all" * 100)
    async with browser.get("/healthz") as response:
        assert response.status == 503
        assert "database" in (await response.json())["database"]


async def test_index_says_what_is_wrong_and_still_tells_who_answers(browser: Browser) -> None:
    page = await text(browser, "/status")
    assert "cannot be read" in page and "no database yet" in page
    assert "sip:1000@" in page


async def test_an_empty_record_reads_well(browser: Browser, database: Path) -> None:
    CallLog(database).close()
    page = await text(browser, "/status")
    assert "No call has been recorded yet." in page and "Nobody is on the line." in page
    assert 'role="alert"' not in page
