"""The description of the API: valid, and of all that is served and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from aiohttp.test_utils import TestClient, TestServer
from openapi_spec_validator import validate

from bot.config import Config, Store
from bot.legs.webrtc import IceServers
from bot.web.api import Api
from bot.web.app import make_app
from bot.web.lines import Lines
from bot.web.openapi import document
from bot.web.rooms import Rooms
from bot.web.signaling import Signaling
from tests.support.door import WHO


def app(folder: Path) -> Any:
    """With every route; no call is made."""
    rooms = cast("Rooms", None)
    lines = Lines(rooms, Api(rooms, WHO, IceServers()), Signaling(rooms, WHO))
    return make_app(Config(store=Store(path=folder / "bot.db")), WHO, None, lines)


def test_it_is_valid() -> None:
    validate(document())


def test_it_describes_every_route_and_no_other(tmp_path: Path) -> None:
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in app(tmp_path).router.routes()
        if route.resource.canonical.startswith("/api/") and route.method != "HEAD"
    }
    described = {
        (method, path)
        for path, methods in document()["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert described == served


def test_each_operation_says_what_the_door_may_say() -> None:
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            if method != "parameters" and path != "/api/openapi.json":
                assert {"401", "403", "429"} <= set(told["responses"]), (method, path)
                assert told["summary"]


async def test_it_is_served(tmp_path: Path) -> None:
    async with (
        TestClient(TestServer(app(tmp_path))) as client,
        client.get("/api/openapi.json") as response,
    ):
        assert response.status == 200
        assert await response.json() == json.loads(json.dumps(document()))
