"""What a persona may do besides talking: `[tools]` of its file.

A model asks for a tool by name, with arguments that its JSON Schema describes. What is not listed
here a model cannot do, whatever a caller talks it into: no other transfer target, no other server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from bot.errors import ConfigError

ToolName: TypeAlias = Literal["hang_up", "transfer", "send_digits", "take_message"]

OWN_TOOLS = ("hang_up", "transfer", "send_digits", "take_message")
WHISPERED = ("persona", "called", "caller", "name", "words")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
Target = Annotated[str, Field(pattern=r"^(sips?|tel):[^\s<>]+$")]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Webhook(Part):
    """A server that is asked in the middle of a call; the model words what it answers."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$", description="how the model asks for it")
    about: str = Field(min_length=1, description="told to the model: what it does, when to use it")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="of HTTP")
    url: str = Field(
        pattern=r"^https?://[^\s/{}?#@]+(/\S*)?$",
        description="where; {argument} in path or query is filled in",
    )
    arguments: dict[str, Any] = Field(
        {"type": "object", "properties": {}},
        description="JSON Schema of the arguments; those not in the url go into the query of GET "
        "and DELETE, else into a JSON body",
    )
    context: list[Literal["call_id", "caller", "called"]] = Field(
        [], description="what of the call is sent with them"
    )
    bearer_env: str = Field(
        "", pattern=r"^[A-Z0-9_]*$", description="environment variable that holds its bearer token"
    )
    timeout_s: float = Field(4.0, gt=0, le=20, description="then the model hears that it failed")
    say: str = Field(
        "", description="how the answer is said, {field} filled in; empty: the model words it"
    )

    @property
    def host(self) -> str:
        """ "shop.example.com", or with a port where the url has one."""
        return urlsplit(self.url).netloc.lower()


class HandOff(Part):
    """A caller who wants a person gets one, without asking a model."""

    to: str = Field(min_length=1, description="one of tools.targets")
    digit: str = Field(
        "", pattern=r"^[0-9*#A-D]?$", description="the key that asks for a person, pressed alone"
    )
    phrases: list[str] = Field(
        [], description="words that ask for one, said in a short sentence: operator, a human"
    )


class Tools(Part):
    """What the model may do."""

    use: list[ToolName] = Field(
        [], description="any of hang_up, transfer, send_digits, take_message; webhooks count anyway"
    )
    targets: dict[str, Target] = Field(
        {}, description='whom transfer reaches: sales = "sip:200@pbx.example.com"'
    )
    on_trouble: str = Field(
        "", description="the target that takes the call when no provider answers any more"
    )
    attended: list[str] = Field(
        [], description="those of targets who are rung up and told of the caller first"
    )
    whisper: str = Field(
        "A call for {persona}. The caller has said: {words}",
        description="what they hear first; {persona}, {called}, {caller} (their number), {name}, "
        "{words}: a sentence with something unknown in it is left out",
    )
    accept_key: str = Field(
        "", pattern=r"^[0-9*#A-D]?$",
        description="the key by which they take the caller, any other declines; empty: answering "
        "is enough, also for an answering machine",
    )  # fmt: skip
    handoff: HandOff | None = Field(None, description="a key and words that ask for a person")
    webhooks: list[Webhook] = Field([], description="servers the model may ask")


def tool_faults(tools: Tools, path: Path, allowed: Sequence[str] | None) -> Iterator[ConfigError]:
    """What does not fit together in `[tools]`, and webhooks to servers that are not `allowed`."""
    file = str(path)
    if "transfer" in tools.use and not tools.targets:
        what = "is empty, and tools.use has transfer."
        yield ConfigError(file, "tools.targets", what, 'Add e.g. sales = "sip:200@192.0.2.10".')
    yield from _people_faults(tools, file)
    seen = set(OWN_TOOLS)
    for number, webhook in enumerate(tools.webhooks, start=1):
        place = f"tools.webhooks[{number}]"
        if webhook.name in seen:
            what = f'is "{webhook.name}", which another tool is called.'
            yield ConfigError(file, f"{place}.name", what, "Choose another name.")
        seen.add(webhook.name)
        yield from _schema_faults(webhook, file, place)
        if allowed is not None and not is_allowed(webhook.host, allowed):
            what = f"goes to {webhook.host}, which no persona may call."
            remedy = f'Add "{webhook.host}" to webhooks.allow in the configuration.'
            yield ConfigError(file, f"{place}.url", what, remedy)


def _people_faults(tools: Tools, file: str) -> Iterator[ConfigError]:
    """Who takes a call must be there, and what they are told be known."""
    if tools.on_trouble and tools.on_trouble not in tools.targets:
        what = f'is "{tools.on_trouble}", which is not among tools.targets.'
        yield ConfigError(file, "tools.on_trouble", what, "Add it there.")
    for name in tools.attended:
        if name not in tools.targets:
            what = f'has "{name}", which is not among tools.targets.'
            yield ConfigError(file, "tools.attended", what, "Add it there.")
    for name in PLACEHOLDER.findall(tools.whisper):
        if name not in WHISPERED:
            what = f"has {{{name}}}, which is not known."
            yield ConfigError(file, "tools.whisper", what, f"There is {', '.join(WHISPERED)}.")
    if tools.accept_key and not tools.attended:
        what = "is set, and nobody is in tools.attended."
        yield ConfigError(file, "tools.accept_key", what, "Add those who press it there.")
    handoff = tools.handoff
    if handoff is not None and handoff.to not in tools.targets:
        what = f'is "{handoff.to}", which is not among tools.targets.'
        yield ConfigError(file, "tools.handoff.to", what, "Add it there.")
    if handoff is not None and not handoff.digit and not any(map(str.strip, handoff.phrases)):
        what = "has neither a digit nor phrases: nobody can ask for a person."
        yield ConfigError(file, "tools.handoff", what, 'Add e.g. digit = "0".')


def _schema_faults(webhook: Webhook, file: str, place: str) -> Iterator[ConfigError]:
    from jsonschema import Draft202012Validator, SchemaError  # slow to import, seldom wanted

    key = f"{place}.arguments"
    try:
        Draft202012Validator.check_schema(webhook.arguments)
    except SchemaError as error:
        where = ".".join(str(step) for step in error.absolute_path)
        what = f"is no JSON Schema: {error.message}."
        remedy = "See https://json-schema.org/understanding-json-schema."
        yield ConfigError(file, f"{key}.{where}".rstrip("."), what, remedy)
        return
    if webhook.arguments.get("type") != "object":
        yield ConfigError(file, f"{key}.type", "is missing.", 'Write type = "object".')
    required = webhook.arguments.get("required", [])
    for name in PLACEHOLDER.findall(webhook.url):
        if name not in required and name not in webhook.context:
            what = f"has {{{name}}}, which is no required argument."
            yield ConfigError(file, f"{place}.url", what, f'Add "{name}" to {key}.required.')


def is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Is `host` (with its port, if any) one of `allowed`: "a.example", "*.example", "a:8080"?

    A name without a port allows the usual ports only.
    """
    return any(
        host.endswith(each[1:].lower()) if each.startswith("*.") else host == each.lower()
        for each in allowed
    )
