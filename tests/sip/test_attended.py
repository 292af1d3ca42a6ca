"""A person is rung up, told of the caller, and given the caller; the far ends are wire phones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from tests.support.bot_process import (
    FAST_TURN,
    RECEPTION,
    BotMaker,
    BotProcess,
    shipped_persona,
)
from tests.support.phone import missing, spoken, transcript
from tests.support.ports import free_port
from tests.support.records import events_of, record_of
from tests.support.sip_message import tag_of
from tests.support.sip_wire import WireCall
from tests.support.toml_text import merged
from tests.support.wire import WirePhone
from tests.support.wire_callee import WireCallee

DESK, SALES = free_port(), free_port()
TO_DESK, TO_SALES = "1000", "1001"  # who dials this, and asks for a person, gets that one
PERSONA = FAST_TURN | {
    "name": "The blue garage",
    "greeting": "Hello, this is the garage.",
    "phrases": {"no_transfer": "The office is closed now. What else can I do for you?"},
    "tools": {
        "targets": {"desk": f"sip:200@127.0.0.1:{DESK}", "sales": f"sip:201@127.0.0.1:{SALES}"},
        "attended": ["desk", "sales"],
        "whisper": "A call for {persona} from {name}. The number is {caller}. They said: {words}",
        "handoff": {"digit": "0", "phrases": ["operator"]},
    },
}
PERSONAS = {
    name: merged(shipped_persona(RECEPTION), {"tools": {"handoff": {"to": name}}})
    for name in ("desk", "sales")
}
PLAN = {
    "routes": [{"number": TO_DESK, "persona": "desk"}, {"number": TO_SALES, "persona": "sales"}]
}
PATIENCE_S = 40.0


@pytest.fixture(scope="module")
def garage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    made = BotMaker(tmp_path_factory.mktemp("garage"))
    try:
        yield made(persona=PERSONA, personas=PERSONAS, dialplan=PLAN)
    finally:
        made.stop_all()


async def asks(phone: WirePhone, number: str, words: str = "") -> WireCall:
    """A caller who has said `words`, or pressed the key when there are none."""
    call = await phone.dial(number, caller="4930123")
    assert call.status == 200
    await call.quiet(0.8)
    if words:
        await call.say(spoken(words))
    else:
        call.rtp.press("0")
    return call


def words_of(call: WireCall, since: float = 0.0) -> str:
    return transcript(call.rtp.heard(since=since))


async def by_refer(phone: WirePhone, desk: WireCallee) -> WireCall:
    """The caller's exchange follows the REFER: the person's leg is replaced, the bot is out."""
    call = await asks(phone, TO_DESK, "I would like to talk to the operator now.")
    person = await desk.next_call(PATIENCE_S)
    target = unquote(await asyncio.wait_for(call.referred.get(), PATIENCE_S))
    whispered = words_of(person)
    assert missing(whispered, ["talk to the operator"]) == [], whispered
    assert missing(whispered, ["blue garage"]), (
        "the caller's name is not known: nothing is said of it"
    )
    address, _, replaces = target.partition("?")
    assert address.startswith(f"sip:200@127.0.0.1:{desk.port}")
    assert "Replaces=" in replaces
    for part in (person.call_id, tag_of(person.from_), tag_of(person.to)):
        assert part in replaces, "which of their calls the caller's call takes the place of"
    assert await call.transferred(200, "OK") == 200
    assert await call.ended(5.0) == "bot"
    assert await person.ended(5.0) == "bot", "nobody is left on a line that leads nowhere"
    return call


async def by_joining(phone: WirePhone, desk: WireCallee) -> WireCall:
    """The caller's exchange refuses REFER: the bot carries the audio of both."""
    call = await asks(phone, TO_DESK)
    call.scripted["REFER"] = [405]
    person = await desk.next_call(PATIENCE_S)
    async with asyncio.timeout(PATIENCE_S):
        while "REFER" not in call.requested:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    at = call.rtp.sent[-1].at
    await call.say(spoken("Where is my parcel?"))
    await person.quiet(0.5, after=at)
    assert missing(words_of(person, at), ["where is my parcel"]) == [], words_of(person, at)
    at = call.rtp.sent[-1].at
    await person.say(spoken("It is in the blue garage."))
    await call.quiet(0.5, after=at)
    assert missing(words_of(call, at), ["blue garage"]) == [], words_of(call, at)
    await person.hang_up()
    assert await call.ended(5.0) == "bot"
    return call


async def taken_back(call: WireCall) -> WireCall:
    at = call.rtp.sent[-1].at
    while missing(words_of(call, at), ["office is closed"]):
        assert call.ended_by is None and call.rtp.sent[-1].at - at < PATIENCE_S, words_of(call, at)
        await asyncio.sleep(0.7)
    await call.hang_up()
    return call


async def nobody_takes_it(phone: WirePhone, sales: WireCallee) -> WireCall:
    sales.answers_with = 486
    return await taken_back(await asks(phone, TO_SALES))


async def they_hang_up_into_the_announcement(phone: WirePhone, sales: WireCallee) -> WireCall:
    sales.answers_with = 200
    call = await asks(phone, TO_SALES)
    person = await sales.next_call(PATIENCE_S)
    await asyncio.sleep(0.7)
    await person.hang_up()
    return await taken_back(call)


async def the_caller_gives_up_meanwhile(phone: WirePhone, sales: WireCallee) -> WireCall:
    sales.answers_with = 200
    call = await asks(phone, TO_SALES)
    person = await sales.next_call(PATIENCE_S)
    await call.hang_up()
    assert await person.ended(5.0) == "bot", "the person is left alone on a line"
    return call


async def at_sales(phone: WirePhone, sales: WireCallee) -> tuple[WireCall, WireCall]:
    return (
        await nobody_takes_it(phone, sales),
        await the_caller_gives_up_meanwhile(phone, sales),
    )


async def test_a_person_is_told_and_gets_the_caller_or_the_bot_takes_them_back(
    garage: BotProcess,
) -> None:
    async with (
        WirePhone(garage.sip) as phone,
        WireCallee(garage.sip, port=DESK) as desk,
        WireCallee(garage.sip, port=SALES) as sales,
    ):
        referred, (refused, given_up) = await asyncio.gather(
            by_refer(phone, desk), at_sales(phone, sales)
        )
        joined, hung_up = await asyncio.gather(
            by_joining(phone, desk), they_hang_up_into_the_announcement(phone, sales)
        )
    outcomes = {
        referred: ("transferred to desk", "desk", "attended", "taken"),
        joined: ("transferred to desk", "desk", "joined", "taken"),
        refused: ("caller hung up", "sales", "attended", "486 So Be It"),
        hung_up: ("caller hung up", "sales", "attended", "the person hung up"),
    }
    for call, (end_reason, *told) in outcomes.items():
        assert record_of(garage, call.call_id)["end_reason"] == end_reason
        (event,) = events_of(garage, call.call_id, "transfer")
        assert [event["to"], event["how"], event["outcome"]] == told
    assert record_of(garage, given_up.call_id)["end_reason"] == "caller hung up"
