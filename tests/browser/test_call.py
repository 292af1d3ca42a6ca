"""Calls through the real page in a real Chromium, with a file for a microphone."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import QUESTION
from tests.browser.page import CallPage, events_of, eventually, last_call
from tests.support.bot_process import BotProcess
from tests.support.phone import missing

Open = Callable[..., Page]
GREETING_S = 4.0
HEARD = "() => performance.getEntriesByName('voice-bot:heard').length > 0"


def turns(bot: BotProcess, call_id: str) -> list[dict[str, object]]:
    rows = bot.rows("SELECT * FROM turns WHERE call_id = ? ORDER BY turn", call_id)
    return [dict(row) for row in rows]


def test_a_question_is_answered_and_an_interruption_stops_the_bot(
    chromium: Open, home: str, web_bot: BotProcess
) -> None:
    interruption = "No, wait, stop please."
    # 5 s after the question: in the middle of nine seconds of answer, be it one or three late
    page = CallPage(chromium(GREETING_S, QUESTION, 5.0, interruption, 20.0), home)
    page.call()
    page.until("thinking")
    page.until("paused")
    cut = page.page.locator("#transcript .said[data-cut]")
    expect(cut).to_have_count(1)
    assert missing(cut.inner_text(), ["we open at eight"]) == []
    expect(cut.locator("del, s, .cut")).not_to_have_count(0)
    expect(page.page.locator("#transcript .said.caller")).to_have_count(2)
    asked = page.page.locator("#transcript .said.caller").first.inner_text()
    assert missing(asked, ["open tomorrow"]) == [], asked
    expect(page.page.locator("#last-latency")).to_contain_text(" s")
    page.hang_up()
    states = page.states
    assert states[:2] == ["connecting", "listening"] and states[-1] == "ended", states
    assert states.index("thinking") < states.index("paused")

    record = last_call(web_bot)
    assert record["leg_kind"] == "webrtc" and record["codec"] == "opus"
    assert record["end_reason"] == "caller hung up"
    spoken = [turn for turn in turns(web_bot, record["id"]) if turn["caller_text"]]
    assert missing(str(spoken[0]["caller_text"]), ["open tomorrow"]) == []
    assert spoken[0]["interrupted"] and len(spoken) == 2
    heard, reply = str(spoken[0]["bot_heard"]), str(spoken[0]["reply_text"])
    assert heard and reply.startswith(heard) and len(heard) < len(reply)


def test_nothing_moves_while_a_call_begins_and_its_buttons_do_what_they_say(
    chromium: Open, home: str, web_bot: BotProcess
) -> None:
    page = CallPage(chromium(GREETING_S, QUESTION, 4.0), home)
    page.call()
    page.until("speaking")
    mute = page.button("Mute")
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    page.button("Keypad").click()
    page.page.locator("#keypad").get_by_role("button", name="5").click()
    page.page.keyboard.press("#")
    time.sleep(GREETING_S)  # the question is said into a microphone that is off
    page.hang_up()
    assert page.page.evaluate("window.shift") == 0
    record = last_call(web_bot)
    keys = [each["digit"] for each in events_of(web_bot, record["id"], "digit")]
    assert keys == ["5", "#"]
    assert not [turn for turn in turns(web_bot, record["id"]) if turn["utterance_id"]]


def test_a_call_with_the_keyboard_alone(chromium: Open, home: str, web_bot: BotProcess) -> None:
    page = CallPage(chromium(6.0), home)
    keyboard = page.page.keyboard

    def focus(name: str) -> None:
        for _ in range(30):
            text = page.page.evaluate("document.activeElement.textContent.trim()")
            if text == name:
                return
            keyboard.press("Tab")
        raise AssertionError(f"{name} cannot be reached with Tab")

    focus("Call")
    keyboard.press("Enter")
    page.until("speaking")
    focus("Hang up")
    keyboard.press("Space")
    expect(page.page.get_by_role("heading", name="Call ended")).to_be_visible()
    assert last_call(web_bot)["end_reason"] == "caller hung up"


def test_a_reload_in_mid_call_goes_on_with_it(
    chromium: Open, home: str, web_bot: BotProcess
) -> None:
    page = CallPage(chromium(GREETING_S, QUESTION, 20.0), home)
    page.call()
    page.until("thinking")
    call_id = last_call(web_bot, ended=False)["id"]
    page.page.reload()
    expect(page.said.first).to_be_visible()
    expect(page.page.locator("#transcript .said.caller")).to_have_count(1)
    page.page.wait_for_function(HEARD)  # again
    assert last_call(web_bot, ended=False)["id"] == call_id
    page.hang_up()
    assert last_call(web_bot)["id"] == call_id


def test_a_call_outlives_its_socket(chromium: Open, home: str, web_bot: BotProcess) -> None:
    raw, sockets = chromium(GREETING_S, QUESTION, 20.0), list[WebSocketRoute]()

    def passed_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    raw.route_web_socket("**/ws/signaling/**", passed_on)
    page = CallPage(raw, home)
    page.call()
    page.until("speaking")
    sockets[0].close(code=3001)  # as if the network had cut it
    page.until("thinking")
    expect(page.page.locator("#transcript .said.caller")).to_have_count(1)
    assert len(sockets) == 2
    assert web_bot.rows("SELECT count(*) AS n FROM calls WHERE ended IS NULL")[0]["n"] == 1
    page.hang_up()


def test_another_network_carries_the_call_on(
    chromium: Open, home: str, web_bot: BotProcess
) -> None:
    raw = chromium(6.0, QUESTION, 20.0)
    raw.add_init_script(
        "Object.defineProperty(navigator.connection, 'type', "
        "  { get: () => window.network, configurable: true });"
        "window.network = 'wifi'; window.ways = [];"
        "const Real = RTCPeerConnection; window.RTCPeerConnection = class extends Real {"
        "  constructor(...all) { super(...all); window.ways.push(this); } };"
    )
    page = CallPage(raw, home)
    page.call()
    page.page.wait_for_function(HEARD)
    page.page.evaluate(
        "() => { window.network = 'cellular';"
        " navigator.connection.dispatchEvent(new Event('change')); }"
    )
    page.page.wait_for_function(
        "() => ways.length === 2 && ways[1].connectionState === 'connected'"
        " && ways[0].connectionState === 'closed'"
    )
    page.until("thinking")  # the question came through the new one
    expect(page.page.locator("#transcript .said.caller")).to_have_count(1)
    page.hang_up()
    assert last_call(web_bot)["end_reason"] == "caller hung up"


def test_a_page_that_goes_away_ends_its_call_after_a_while(
    chromium: Open, home: str, web_bot: BotProcess
) -> None:
    page = CallPage(chromium(6.0), home)
    page.call()
    page.until("speaking")
    page.page.wait_for_function(HEARD)
    page.page.close()
    record = last_call(web_bot, timeout_s=20)
    assert record["end_reason"] == "failed: connection lost"
    assert events_of(web_bot, record["id"], "hold")


def test_ringing_is_shown(chromium: Open, home: str, web_bot: BotProcess) -> None:
    page = CallPage(chromium(6.0), f"{home}?number=1003")
    page.call()
    page.until("ringing")
    page.until("speaking")
    page.hang_up()
    eventually(lambda: last_call(web_bot)["called"] == "1003")


LINES = """
window.lines = [];
const Line = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Line {
  constructor(...how) { super(...how); window.lines.push(this); }
};
"""
SENT_BY = "() => lines.at(-1).getSenders().find(({track}) => track?.kind === 'audio').track.label"


def test_another_microphone_is_taken_in_mid_call_and_remembered(
    chromium: Open, home: str, web_bot: BotProcess
) -> None:
    bare = chromium(20.0)
    bare.add_init_script(LINES)
    page = CallPage(bare, home)
    page.call()
    page.until("speaking")
    bare.get_by_text("Microphone and speaker").click()
    picker = bare.get_by_label("Microphone", exact=True)
    before = bare.evaluate(SENT_BY)
    (other,) = [
        each for each in picker.locator("option").all_inner_texts()
        if each.startswith("Fake") and "Default" not in each and each != before
    ][:1]  # fmt: skip
    picker.select_option(label=other)
    eventually(lambda: bare.evaluate(SENT_BY) == other)
    page.hang_up()
    page = CallPage(bare, home)
    bare.get_by_text("Microphone and speaker").click()
    expect(picker.locator("option:checked")).to_have_text(other)
    bare.evaluate("() => localStorage.setItem('voice-bot-devices', '{\"audioinput\": \"gone\"}')")
    page.call()
    page.until("speaking")  # with what there is
    assert bare.evaluate(SENT_BY) == before
    page.hang_up()
