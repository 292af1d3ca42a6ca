"""GET /api/openapi.json: the API described by the models that serve it (OpenAPI 3.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, RootModel
from pydantic.json_schema import models_json_schema

from bot import __version__
from bot.calls.outbound import Dialled, DialOrder
from bot.web.access import COOKIES
from bot.web.api import CallInfo, Ice, NewCall, Numbers, OneShot, OneShotAnswer, Refusal
from bot.web.messages import CallEvent, FromBrowser, ToBrowser
from bot.web.telephone import Trunks

PATH = "/api/openapi.json"
REF = "#/components/schemas/{model}"
DOOR = (401, 403, 429)  # what access.py may say to anybody
JSON = "application/json"
SINCE = {"type": "integer", "minimum": 0, "maximum": 999_999_999}


class Event(RootModel[CallEvent]):
    """The `data` of each event in the stream of a call."""


class SocketMessage(RootModel[FromBrowser]):
    """What a browser may send on the socket that `signaling` names."""


class SocketAnswer(RootModel[ToBrowser]):
    """What comes back on it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: Literal["get", "post", "delete"]
    path: str
    summary: str
    status: int = 200
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    refusals: tuple[int, ...] = ()
    public: bool = False
    other: Mapping[str, Any] = field(default_factory=dict)  # as it stands in the document


EVENT_STREAM = {
    "parameters": [
        {"name": "since", "in": "query", "description": "the last event you have", "schema": SINCE},
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "the same, as EventSource sends it",
            "schema": SINCE,
        },
    ],
    "responses": {
        "200": {
            "description": "Server-sent events. `id` is the event's number, `event` its type, "
            "`data` an Event as JSON. The stream ends with the call.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
}
CALL_REFUSALS = (400, 404, 413, 502, 503)
OPERATIONS = (
    Operation(
        "post", "/api/calls", "Begin a call, at once with an offer, else on the socket.",
        201, CallInfo, NewCall, CALL_REFUSALS,
    ),
    Operation("get", "/api/calls/{id}", "How a call is going.", 200, CallInfo, None, (404, 502)),
    Operation("delete", "/api/calls/{id}", "Hang up.", 204, None, None, (404, 502)),
    Operation(
        "get", "/api/calls/{id}/events", "What happens in a call, as it happens.",
        200, None, None, (400, 404, 502), other=EVENT_STREAM,
    ),
    Operation(
        "post", "/api/webrtc/offer", "A whole call in one request; with `id`, negotiate it anew.",
        200, OneShotAnswer, OneShot, CALL_REFUSALS,
    ),
    Operation("get", "/api/numbers", "Who can be called.", 200, Numbers),
    Operation("get", "/api/ice", "STUN and TURN servers to use.", 200, Ice),
    Operation(
        "post", "/api/dial", "Call somebody by telephone; asks for a link for the status pages.",
        202, Dialled, DialOrder, (400, 409, 413, 503),
    ),
    Operation("get", "/api/trunks", "How the trunks stand; the same.", 200, Trunks, None, (503,)),
    Operation("get", PATH, "This document.", public=True),
)  # fmt: skip


def routes() -> list[web.AbstractRouteDef]:
    """The handler, with the document made once."""
    text = json.dumps(document())

    async def described(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=JSON)

    return [web.get(PATH, described)]


def document() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _operation(each)
    for path, methods in paths.items():
        if "{id}" in path:
            schema = {"type": "string", "minLength": 1}
            methods["parameters"] = [
                {"name": "id", "in": "path", "required": True, "schema": schema}
            ]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Voice bot",
            "version": __version__,
            "description": "Calls from browsers and programs; docs/browser.md explains them, "
            "docs/access.md who may call.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"query": []}, {"cookie": []}],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _security()},
    }


def _operation(each: Operation) -> dict[str, Any]:
    content = {"content": _json(each.answer)} if each.answer else {}
    responses: dict[str, Any] = {
        str(each.status): {"description": HTTPStatus(each.status).phrase, **content}
    }
    refusals = (429,) if each.public else (*DOOR, *each.refusals)
    for status in sorted(refusals):
        responses[str(status)] = _refusal(status)
    told: dict[str, Any] = {"summary": each.summary, "responses": responses}
    if each.body:
        told["requestBody"] = {"required": True, "content": _json(each.body)}
    if each.public:
        told["security"] = []
    other = dict(each.other)
    responses.update(other.pop("responses", {}))
    return told | other


def _refusal(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": _json(Refusal),
    }
    if status in (429, 503):
        schema = {"type": "integer", "minimum": 1}
        told["headers"] = {"Retry-After": {"description": "seconds", "schema": schema}}
    return told


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {JSON: {"schema": {"$ref": REF.format(model=model.__name__)}}}


def _schemas() -> dict[str, Any]:
    """Of all models; what comes in as it is validated, what goes out as it is written."""
    read: list[type[BaseModel]] = [NewCall, OneShot, DialOrder, SocketMessage]
    written: list[type[BaseModel]] = [
        CallInfo, OneShotAnswer, Numbers, Ice, Dialled, Trunks, Refusal, Event, SocketAnswer,
    ]  # fmt: skip
    _, found = models_json_schema(
        [*((each, "validation") for each in read), *((each, "serialization") for each in written)],
        ref_template=REF,
    )
    schemas = found["$defs"]
    assert isinstance(schemas, dict)
    return schemas


def _security() -> dict[str, Any]:
    return {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "query": {"type": "apiKey", "in": "query", "name": "token"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIES["call"]},
    }
