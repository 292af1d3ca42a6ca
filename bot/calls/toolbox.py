"""The tools of one call: what a model is offered, and what comes of it when it asks.

What touches the call itself the engine is told, for it knows when the reply has been heard. The
rest is done here, at once. What has changed something outside is brought to its end even when the
caller goes on meanwhile, and the engine keeps it as a fact: it is not done a second time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from jsonschema import Draft202012Validator

from bot.calls.own_tools import CallerMessage, control_of, message_of, own_tool
from bot.calls.prompt import CallFacts
from bot.engine.inputs import Input, ToolUsed
from bot.errors import ConfigError, ProviderError
from bot.persona import Persona
from bot.providers.base import FAILED, NOTED, Tool, ToolCall
from bot.providers.webhook import WebhookClient
from bot.tool_settings import PLACEHOLDER, Webhook

MOST_ARGUMENTS = 4000  # characters
LEFT_S = 5.0  # what is still under way when the call has ended may take so long
SAFE = frozenset({"GET"})  # changes nothing: it may be broken off, and asked again
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a tool call."""

    result: str  # what the model reads
    say: str = ""  # said as it is, in the model's place
    model_goes_on: bool = True  # has it anything to word?
    why: str = ""  # for the record, "" when it worked


Note = Callable[[int, str, str, Outcome, float], None]  # turn, tool, arguments, outcome, seconds


class Toolbox:
    """`tell` reaches the engine, `note` and `message` the record."""

    def __init__(
        self,
        persona: Persona,
        facts: CallFacts,
        client: WebhookClient,
        *,
        tell: Callable[[Input], None],
        note: Note,
        message: Callable[[CallerMessage], None],
    ) -> None:
        self._persona, self._facts, self._client = persona, facts, client
        self._tell, self._note, self._message = tell, note, message
        self._webhooks = {each.name: each for each in persona.tools.webhooks}
        self.tools = (
            *(own_tool(name, persona) for name in persona.tools.use),
            *(Tool(each.name, each.about, each.arguments) for each in persona.tools.webhooks),
        )
        self._schemas = {each.name: each.parameters for each in self.tools}
        self._under_way: set[asyncio.Task[Outcome]] = set()

    async def use(self, turn: int, call: ToolCall) -> Outcome:
        """Do what the model asks for; never raises but when cancelled."""
        began = time.perf_counter()
        arguments, wrong = _read(call, self._schemas.get(call.name))
        if wrong:
            outcome = Outcome(f"{FAILED}{wrong}", why="refused")
            self._note(turn, call.name, call.arguments, outcome, time.perf_counter() - began)
            return outcome
        work = asyncio.get_running_loop().create_task(self._do(turn, call, arguments))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        webhook = self._webhooks.get(call.name)
        if webhook is not None and webhook.method in SAFE:
            try:
                return await work
            except asyncio.CancelledError:
                work.cancel()
                raise
        return await asyncio.shield(work)

    async def close(self) -> None:
        """Let what is under way come to its end, for a while."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=LEFT_S)
        for work in self._under_way:
            work.cancel()
        # the session holds us: without this only the garbage collector could free a call
        self._tell = self._note = self._message = nobody_listens

    async def _do(self, turn: int, call: ToolCall, arguments: Mapping[str, Any]) -> Outcome:
        began = time.perf_counter()
        outcome = await self._outcome(turn, call.name, arguments)
        self._note(turn, call.name, call.arguments, outcome, time.perf_counter() - began)
        if outcome.model_goes_on or outcome.say:
            self._tell(ToolUsed(turn, call.name, call.arguments, outcome.result))
        return outcome

    async def _outcome(self, turn: int, name: str, arguments: Mapping[str, Any]) -> Outcome:
        if name in self._webhooks:
            return await self._ask(self._webhooks[name], arguments)
        if name == "take_message":
            self._message(message_of(turn, arguments, self._facts))
            return Outcome(NOTED)
        self._tell(control_of(turn, name, arguments, self._persona))
        return Outcome("done when you have spoken", model_goes_on=False)

    async def _ask(self, webhook: Webhook, arguments: Mapping[str, Any]) -> Outcome:
        known: dict[str, str] = {name: getattr(self._facts, name) for name in webhook.context}
        try:
            result = await self._client.ask(webhook, {**arguments, **known}, self._facts.call_id)
        except ProviderError as error:
            log.warning("webhook failed", webhook=webhook.name, code=error.code)
            return Outcome(f"{FAILED}{error.what}", why=error.code)
        except ConfigError as error:
            log.error("webhook failed", webhook=webhook.name, key=error.key)
            return Outcome(f"{FAILED}it is not set up", why=f"{error.key} cannot be read")
        say = _filled(webhook.say, result)
        return Outcome(result, say=say, model_goes_on=not say)


def _read(call: ToolCall, schema: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], str]:
    """The arguments, and what is wrong with them in words a model understands."""
    if schema is None:
        return {}, f"there is no tool {call.name[:60]!r}"
    if len(call.arguments) > MOST_ARGUMENTS:
        return {}, "the arguments are too long"
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        return {}, "the arguments are not JSON"
    for error in Draft202012Validator(schema).iter_errors(arguments):
        place = ".".join(str(step) for step in error.absolute_path)
        return {}, f"{place}: {error.message}" if place else error.message
    return arguments, ""


def _filled(say: str, result: str) -> str:
    """`say` with the fields of a JSON answer; "" when one is missing: then the model words it."""
    try:
        fields = json.loads(result)
    except ValueError:
        fields = {}
    if not isinstance(fields, dict) or any(name not in fields for name in PLACEHOLDER.findall(say)):
        return ""
    return PLACEHOLDER.sub(lambda found: str(fields[found[1]]), say)


def nobody_listens(*_: object) -> None:
    """The call is over."""
