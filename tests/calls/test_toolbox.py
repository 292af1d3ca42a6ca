"""What comes of a tool call: arguments are validated, results told, side effects done once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import web

from bot.calls.own_tools import CallerMessage
from bot.calls.reply import BREAK, MOST_ROUNDS, written
from bot.calls.toolbox import Toolbox
from bot.engine.inputs import Control, ControlAsked, ToolUsed
from bot.providers.base import NOTED, Message, Piece, ToolCall
from bot.tool_settings import Webhook
from tests.calls.boxes import Told, box
from tests.engine.score import persona

OWN = {
    "use": ["hang_up", "transfer", "send_digits", "take_message"],
    "targets": {"sales": "sip:200@pbx.test", "support": "tel:+49301234"},
}
NUMBER = {
    "type": "object",
    "properties": {"number": {"type": "string", "pattern": "^[0-9]{4}$"}},
    "required": ["number"],
    "additionalProperties": False,
}


@pytest.fixture
async def shop() -> AsyncIterator[dict[str, Any]]:
    """A server that counts orders; `delay_s` and `status` can be set."""
    seen: dict[str, Any] = {"asked": [], "done": 0, "delay_s": 0.0, "status": 200}

    async def handle(request: web.Request) -> web.Response:
        seen["asked"].append((request.method, request.path, dict(request.query),
                              await request.json() if request.can_read_body else None))  # fmt: skip
        await asyncio.sleep(seen["delay_s"])
        seen["done"] += 1
        return web.json_response({"status": "on its way"}, status=seen["status"])

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen["url"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield seen
    await runner.cleanup()


def webhook(shop: dict[str, Any], **changes: Any) -> Webhook:
    made = {
        "name": "order", "about": "Looks up an order.", "arguments": NUMBER,
        "url": f"{shop['url']}/orders/{{number}}",
    }  # fmt: skip
    return Webhook.model_validate(made | changes)


def shopping(told: Told, shop: dict[str, Any], **changes: Any) -> Toolbox:
    hook = webhook(shop, **changes)
    return box(told, persona(tools={**OWN, "webhooks": [hook.model_dump()]}))


def call(tool: str, /, **arguments: object) -> ToolCall:
    return ToolCall("id", tool, json.dumps(arguments))


# ---- what is offered


def test_a_persona_without_tools_offers_none() -> None:
    assert box().tools == ()


def test_targets_are_offered_by_name_only() -> None:
    tools = {each.name: each for each in box(who=persona(tools=OWN)).tools}
    assert list(tools) == OWN["use"]
    assert tools["transfer"].parameters["properties"]["to"]["enum"] == ["sales", "support"]
    assert "pbx.test" not in str(tools)


# ---- the bot's own tools


async def test_the_engine_is_told_what_touches_the_call() -> None:
    told = Told()
    tools = box(told, persona(tools=OWN))
    for wanted in (
        call("transfer", to="sales"),
        call("send_digits", digits="12#"),
        call("hang_up"),
    ):
        outcome = await tools.use(3, wanted)
        assert not outcome.model_goes_on and not outcome.why
    assert told.inputs == [
        ControlAsked(3, Control.TRANSFER, "sip:200@pbx.test", "sales"),
        ControlAsked(3, Control.SEND_DIGITS, "12#"),
        ControlAsked(3, Control.HANG_UP),
    ]


async def test_a_message_is_kept_with_what_the_line_knows_of_the_caller() -> None:
    told = Told()
    tools = box(told, persona(tools=OWN))
    outcome = await tools.use(2, call("take_message", message="Call me."))
    assert outcome.result == NOTED and outcome.model_goes_on
    await tools.use(2, call("take_message", message="Buy tea.", name="Grace", number="0301"))
    assert told.messages == [
        CallerMessage(2, "Call me.", "Ada", "+4930123"),
        CallerMessage(2, "Buy tea.", "Grace", "0301"),
    ]
    assert isinstance(told.inputs[0], ToolUsed)


@pytest.mark.parametrize(
    ("wanted", "wrong"),
    [
        (call("transfer", to="the boss"), "to: 'the boss' is not one of"),
        (call("transfer"), "'to' is a required property"),
        (call("send_digits", digits="call me"), "digits: 'call me' does not match"),
        (call("take_message", message=""), "message: "),
        (call("format_disk"), "there is no tool 'format_disk'"),
        (ToolCall("id", "hang_up", "{not json"), "the arguments are not JSON"),
        (ToolCall("id", "hang_up", "[1]"), "[1] is not of type 'object'"),
        (ToolCall("id", "hang_up", '{"x": "' + "y" * 5000 + '"}'), "too long"),
    ],
)
async def test_what_does_not_fit_is_told_to_the_model_and_nothing_is_done(
    wanted: ToolCall, wrong: str
) -> None:
    told = Told()
    outcome = await box(told, persona(tools=OWN)).use(1, wanted)
    assert outcome.result.startswith("error: ") and wrong in outcome.result
    assert outcome.model_goes_on and outcome.why == "refused"
    assert not told.inputs and not told.messages
    assert [note[1] for note in told.notes] == [wanted.name], "the record knows of it"


async def test_no_arguments_at_all_are_none() -> None:
    outcome = await box(who=persona(tools=OWN)).use(1, ToolCall("id", "hang_up", ""))
    assert not outcome.why


# ---- webhooks


async def test_a_webhook_is_asked_and_its_answer_is_a_fact_of_the_call(shop: dict) -> None:
    told = Told()
    outcome = await shopping(told, shop).use(1, call("order", number="1234"))
    assert json.loads(outcome.result) == {"status": "on its way"} and outcome.model_goes_on
    assert shop["asked"] == [("GET", "/orders/1234", {}, None)]
    assert told.inputs == [ToolUsed(1, "order", '{"number": "1234"}', outcome.result)]


async def test_wrong_arguments_never_leave_the_house(shop: dict) -> None:
    outcome = await shopping(Told(), shop).use(1, call("order", number="1; drop"))
    assert outcome.why == "refused" and not shop["asked"]


async def test_context_is_sent_where_the_persona_says_so(shop: dict) -> None:
    await shopping(Told(), shop, context=["caller", "call_id"]).use(1, call("order", number="1234"))
    assert shop["asked"][0][2] == {"caller": "+4930123", "call_id": "call-1"}


async def test_say_puts_the_answer_into_words_without_the_model(shop: dict) -> None:
    outcome = await shopping(Told(), shop, say="It is {status}.").use(
        1, call("order", number="1234")
    )
    assert outcome.say == "It is on its way." and not outcome.model_goes_on
    other = await shopping(Told(), shop, say="It is {colour}.").use(1, call("order", number="1234"))
    assert not other.say and other.model_goes_on, "a field that is missing: the model words it"


async def test_a_failing_webhook_is_told_to_the_model(shop: dict) -> None:
    shop["status"] = 503
    told = Told()
    outcome = await shopping(told, shop).use(1, call("order", number="1234"))
    assert outcome.result == "error: HTTP 503" and outcome.why == "503" and outcome.model_goes_on
    assert told.notes[0][3].why == "503"


async def test_a_question_is_broken_off_when_nobody_wants_to_know_any_more(shop: dict) -> None:
    shop["delay_s"] = 0.5
    asking = asyncio.create_task(shopping(Told(), shop).use(1, call("order", number="1234")))
    while not shop["asked"]:
        await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.sleep(0.8)
    assert not shop["done"]


async def test_an_order_is_brought_to_its_end_though_the_caller_goes_on(shop: dict) -> None:
    """Done once, and known to the engine whatever became of the turn."""
    shop["delay_s"] = 0.3
    told = Told()
    tools = shopping(told, shop, method="POST")
    asking = asyncio.create_task(tools.use(1, call("order", number="1234")))
    while not shop["asked"]:
        await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert asking.cancelled() and not told.inputs
    await tools.close()
    assert shop["done"] == 1 and [type(each) for each in told.inputs] == [ToolUsed]
    assert len(told.notes) == 1


# ---- a whole reply


class Model:
    """Writes what it is told to, reply after reply; remembers what it was asked."""

    name = "model"

    def __init__(self, *replies: Sequence[Piece]) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[list[Message], int]] = []

    async def reply(self, messages: Sequence[Message], *, tools: Sequence[object] = ()) -> Any:
        self.asked.append((list(messages), len(tools)))
        for piece in self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]:
            yield piece

    async def close(self) -> None: ...


async def pieces(model: Model, tools: Toolbox) -> list[str]:
    talk = [Message("user", "Where is my order?")]
    return [each async for each in written(model, talk, tools, 1, lambda stream: stream)]


async def test_the_model_reads_the_answer_and_goes_on(shop: dict) -> None:
    model = Model(["Let me look.", call("order", number="1234")], ["It is on its way."])
    assert await pieces(model, shopping(Told(), shop)) == [
        "Let me look.", "", BREAK, "It is on its way.",
    ]  # fmt: skip
    talk, offered = model.asked[1]
    assert talk[1] == Message("assistant", "Let me look.", calls=(call("order", number="1234"),))
    assert (talk[2].role, talk[2].call_id) == ("tool", "id") and "on its way" in talk[2].content
    assert offered == 5


async def test_a_control_needs_no_second_answer() -> None:
    model = Model(["Goodbye.", call("hang_up")])
    assert await pieces(model, box(who=persona(tools=OWN))) == ["Goodbye.", "", BREAK]
    assert len(model.asked) == 1


async def test_a_mistake_can_be_mended(shop: dict) -> None:
    model = Model([call("order", number="x")], [call("order", number="1234")], ["Here it is."])
    assert (await pieces(model, shopping(Told(), shop)))[-1] == "Here it is."
    assert len(shop["asked"]) == 1


async def test_a_model_that_asks_for_tools_for_ever_has_to_speak(shop: dict) -> None:
    model = Model([call("order", number="1234")])
    await pieces(model, shopping(Told(), shop))
    assert [offered for _, offered in model.asked] == [5] * MOST_ROUNDS + [0]
