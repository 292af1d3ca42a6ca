"""Numbers found in headers, routes that answer nobody, and ringback before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from tests.support.bot_process import FAST_TURN, RECEPTION, BotProcess, shipped_persona
from tests.support.records import record_of
from tests.support.wire import WireCall, WirePhone, level_db

BERLIN = "+493012345678"
PLAN = {
    "routes": [
        {"number": "1000", "persona": RECEPTION},
        {"number": "2000", "reject": 486, "reason": "Gone Fishing"},
        {"number": "2001", "reject": 603},
        {"number": "2002", "redirect": "sip:4711@198.51.100.7:5070"},
        {"number": "2003", "persona": RECEPTION, "ring_s": 1.5, "early": "ringback"},
        {
            "number": "2005",
            "persona": RECEPTION,
            "early": "prompt",
            "early_text": "One moment please.",
        },
        {
            "number": "2006",
            "persona": RECEPTION,
            "ring_s": 3.5,
            "early": "prompt",
            "early_text": "One moment please.",
        },
        {"number": BERLIN, "persona": RECEPTION},
        {"number": "2004", "persona": RECEPTION, "callers": ["+4940"]},
    ]
}


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    made = BotProcess(
        tmp_path_factory.mktemp("plan"),
        persona=FAST_TURN,
        personas={RECEPTION: shipped_persona(RECEPTION)},
        dialplan=PLAN,
        config={
            "sip": {"called_from": ["diversion", "request-uri"], "region": "DE"},
            "ai": {"mode": "mock"},
        },
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def phone(bot: BotProcess) -> AsyncIterator[WirePhone]:
    async with asyncio.timeout(30), WirePhone(bot.sip) as made:
        yield made


async def dialled(phone: WirePhone, number: str, *headers: tuple[str, str], **how: str) -> WireCall:
    call = await phone.dial(number, headers=headers, **how)
    if call.status == 200:
        await call.hang_up()
    return call


async def test_a_forwarded_call_is_for_the_number_that_was_dialled_first(
    bot: BotProcess, phone: WirePhone
) -> None:
    forwarded = ("Diversion", "<sip:555@x>;reason=no-answer, <sip:030%2012345678@carrier>")
    call = await dialled(phone, "bot", forwarded, caller="017012345678")
    record = record_of(bot, call.call_id)
    assert call.status == 200 and record["called"] == BERLIN
    assert record["caller"] == "+4917012345678"
    assert record["route_why"].endswith(f"route {BERLIN} (dialled 030 12345678 in diversion)")


async def test_a_number_is_understood_in_every_spelling(bot: BotProcess, phone: WirePhone) -> None:
    for spelled in (BERLIN, "03012345678", "00493012345678"):
        assert (await dialled(phone, spelled)).status == 200
    assert (await dialled(phone, "03012345679")).status == 404


async def test_the_network_knows_the_caller_better_than_the_telephone(
    bot: BotProcess, phone: WirePhone
) -> None:
    asserted = ("P-Asserted-Identity", '"Ada L." <sip:+4940123456@carrier>')
    call = await dialled(phone, "2004", asserted)
    record = record_of(bot, call.call_id)
    assert call.status == 200 and record["caller"] == "+4940123456"
    assert "caller in p-asserted-identity" in record["route_why"]
    assert (await dialled(phone, "2004")).status == 404, "From is another number"


@pytest.mark.parametrize(
    ("caller", "headers"),
    [
        ("anonymous", []),
        ("4930123", [("Privacy", "id")]),
        ("4930123", [("Privacy", "id"), ("P-Asserted-Identity", "<sip:+4940123@carrier>")]),
        ("4930123", [("Remote-Party-ID", "<sip:+4940123@x>;party=calling;privacy=full")]),
    ],
)
async def test_who_asks_for_privacy_is_nobody(
    bot: BotProcess, phone: WirePhone, caller: str, headers: list[tuple[str, str]]
) -> None:
    call = await dialled(phone, "1000", *headers, caller=caller)
    assert call.status == 200
    assert record_of(bot, call.call_id)["caller"] == ""


async def test_rejected_by_the_plan(bot: BotProcess, phone: WirePhone) -> None:
    busy, declined = await asyncio.gather(dialled(phone, "2000"), dialled(phone, "2001"))
    assert busy.final_response is not None
    assert busy.final_response.first == "SIP/2.0 486 Gone Fishing"
    assert declined.status == 603
    assert record_of(bot, busy.call_id)["end_reason"] == "refused: 486 Gone Fishing"
    assert record_of(bot, declined.call_id)["persona"] == ""


async def test_sent_elsewhere_by_the_plan(bot: BotProcess, phone: WirePhone) -> None:
    call = await dialled(phone, "2002")
    assert call.status == 302 and call.final_response is not None
    assert call.final_response.all("contact") == ["<sip:4711@198.51.100.7:5070>"]
    reason = record_of(bot, call.call_id)["end_reason"]
    assert reason == "redirected to sip:4711@198.51.100.7:5070"


async def test_ringback_is_heard_before_the_answer(bot: BotProcess, phone: WirePhone) -> None:
    call = await phone.dial("2003")
    rang_s = call.answered_at - call.invited_at
    assert call.status == 200 and 183 in call.provisional and rang_s == pytest.approx(1.5, abs=0.3)
    tone = call.rtp.heard(call.invited_at + 0.2, call.invited_at + 0.9)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    assert abs(float(np.argmax(spectrum)) * 8000 / len(tone) - 425) < 5
    assert level_db(tone) == pytest.approx(-19, abs=1.5)
    assert level_db(call.rtp.heard(call.answered_at - 0.3, call.answered_at - 0.05)) < -50
    await asyncio.sleep(0.1)
    await call.hang_up()
    assert record_of(bot, call.call_id)["answered"]


async def test_a_prompt_is_heard_before_the_answer_and_only_then(
    bot: BotProcess, phone: WirePhone
) -> None:
    call = await phone.dial("2005")
    assert call.status == 200 and 183 in call.provisional
    first = call.rtp.first_speech_heard()
    assert first is not None and first < call.answered_at
    rang_s = call.answered_at - call.invited_at
    assert 0.2 < rang_s < 3, "as long as the prompt takes"
    await call.hang_up()


async def test_a_prompt_shorter_than_the_ringing_is_followed_by_the_tone(
    bot: BotProcess, phone: WirePhone
) -> None:
    call = await phone.dial("2006")
    assert call.status == 200
    assert call.answered_at - call.invited_at == pytest.approx(3.5, abs=0.3)
    end = call.answered_at - 0.1
    tones = [call.rtp.heard(end - back - 0.2, end - back) for back in np.arange(0, 2, 0.2)]
    loud = [tone for tone in tones if level_db(tone) > -25]
    assert loud, "silence after the prompt"
    spectrum = np.abs(np.fft.rfft(loud[0] * np.hanning(len(loud[0])), 8000))
    assert abs(float(np.argmax(spectrum)) - 425) < 10
    await call.hang_up()


async def test_a_caller_who_gives_up_on_ringback_leaves_nothing(
    bot: BotProcess, phone: WirePhone
) -> None:
    calls = [await phone.ring("2003") for _ in range(4)]
    await asyncio.sleep(0.4)
    assert [await call.cancel() for call in calls] == [487] * 4
    records = [record_of(bot, call.call_id) for call in calls]
    assert {each["end_reason"] for each in records} == {"cancelled"}
    for call in calls:
        await call.rtp.close()
    assert (await dialled(phone, "1000")).status == 200, "their lines are free again"
