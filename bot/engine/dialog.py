"""What was said and heard: the history a model sees, and the words held back for more."""

from __future__ import annotations

from bot.engine.actions import Line

HISTORY_TURNS = 20  # per persona and call, as in the original system
HISTORY_LINES = 2 * HISTORY_TURNS


class Dialog:
    """Holds only what was said by the caller, heard from the bot, and done."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._held: list[str] = []
        self.last_heard = ""  # what the bot said last: the caller answers to it

    @property
    def history(self) -> tuple[Line, ...]:
        return tuple(self._lines[-HISTORY_LINES:])

    @property
    def held(self) -> str:
        """Words of an unfinished sentence, waiting for the rest."""
        return " ".join(self._held)

    def hold(self, text: str) -> None:
        if text:
            self._held.append(text)

    def take_held(self) -> str:
        held, self._held = self.held, []
        return held

    def caller_said(self, text: str) -> None:
        self._lines.append(Line("user", text))

    def take_back(self) -> None:
        """The caller goes on before any reply was heard: hold the words instead.

        Not when something was done upon them: that is not done a second time.
        """
        if self._lines and self._lines[-1].role == "user":
            self._held.insert(0, self._lines.pop().text)

    def tool_used(self, name: str, arguments: str, result: str) -> None:
        self._lines.append(Line("tool", result, name, arguments))

    def bot_heard(self, text: str) -> None:
        if text:
            self.last_heard = text
            self._lines.append(Line("assistant", text))
