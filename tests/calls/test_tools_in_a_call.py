"""Tools in a whole call: Groq's wire format on one side, a caller on the other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from bot.errors import ProviderError
from bot.persona import Phrases
from bot.providers.base import Message
from bot.store.messages import TOOL, recent_messages
from tests.calls.house import House, make_house, question, quiet
from tests.calls.test_manager import Deaf
from tests.contracts.test_provider_contracts import fragment
from tests.providers.clouds import cloud, provider
from tests.providers.vendor_server import VendorServer, delta

__all__ = ["make_house"]
TOOLS = """
[tools]
use = ["take_message", "hang_up"]
"""


@pytest.fixture
async def groq(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VendorServer]:
    async with cloud(monkeypatch, "groq") as server:
        yield server


async def test_a_model_takes_a_message_says_so_and_hangs_up(
    groq: VendorServer, make_house: Callable[..., House]
) -> None:
    groq.first(
        delta("Let me write."),
        fragment(0, id="c1", name="take_message", arguments='{"message": "Call '),
        fragment(0, arguments='me back."}'),
        delta(None, "tool_calls"),
        "[DONE]",
    )
    groq.first(
        delta("It is noted. Goodbye."),
        fragment(0, id="c2", name="hang_up", arguments="{}"),
        delta(None, "tool_calls"),
        "[DONE]",
    )
    async with provider("groq", "llm", groq) as llm:
        house = make_house(persona=TOOLS, llm=llm)
        phone = house.call()
        await house.talk(phone, [quiet(1.5), question(), quiet(20.0)])
        detail = await house.record()
    assert detail.call.end_reason == "the bot hung up"
    assert detail.turns[1].bot_heard == "Let me write. It is noted. Goodbye."
    assert detail.turns[1].llm == "groq"
    (message,) = recent_messages(house.config.store.path, 5)
    assert (message.text, message.number) == ("Call me back.", "+4930123")
    assert [each.detail["name"] for each in detail.events if each.kind == TOOL] == [
        "take_message", "hang_up",
    ]  # fmt: skip
    first, second = groq.asked
    assert [each["function"]["name"] for each in first["tools"]] == ["take_message", "hang_up"]
    assert second["messages"][-2]["tool_calls"][0]["id"] == "c1"
    assert second["messages"][-1] == {"role": "tool", "content": "noted", "tool_call_id": "c1"}


async def test_when_nobody_understands_any_more_a_person_takes_the_call(
    make_house: Callable[..., House],
) -> None:
    house = make_house(
        persona='[tools]\non_trouble = "desk"\ntargets = { desk = "sip:200@pbx.test" }\n',
        stt=Deaf(),
    )
    phone = house.call()
    await house.talk(phone, [quiet(1.5), *[question(), quiet(6.0)] * 4])
    detail = await house.record()
    assert phone.referred == "sip:200@pbx.test"
    assert detail.call.end_reason == "transferred to desk"
    assert Phrases().handover in [turn.bot_heard for turn in detail.turns]


async def test_a_tool_call_that_groq_s_model_garbled_is_worth_a_second_try(
    groq: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"message": "Failed to call a function.", "code": "tool_use_failed"}
    for code, retryable in (("tool_use_failed", True), ("context_length_exceeded", False)):
        groq.status = 400
        body = json.dumps({"error": error | {"code": code}})
        monkeypatch.setattr(groq, "refusal", lambda *_, body=body: refused(body))
        async with provider("groq", "llm", groq) as llm:
            with pytest.raises(ProviderError) as caught:
                await anext(llm.reply([Message("user", "Hello.")]))
        assert caught.value.retryable is retryable


def refused(body: str) -> web.Response:
    return web.Response(text=body, status=400, content_type="application/json")
