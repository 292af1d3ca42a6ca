"""How a page is made of its template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from bot.web import words


class Templates:
    """Those in the folder beside this file; what callers and files say is escaped."""

    def __init__(self) -> None:
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters.update(words.FILTERS)

    def page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        text = self._jinja.get_template(template).render(**values)
        return web.Response(text=text, status=status, content_type="text/html")
