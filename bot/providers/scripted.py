"""A language model without a model: the persona's own answers, found by fuzzy match."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

from bot.persona import Answer, Persona
from bot.providers.base import FAILED, NOTED, Message, Piece, Tool, ToolCall
from bot.providers.interview import enumerated, last_said, next_line
from bot.providers.matching import Matcher
from bot.providers.small_talk import Talk, small_talk

OFFER = "I can help with"
WELCOME = "You are welcome. Is there anything else?"
HELLO = "Hello."
GO_AHEAD = "Of course. What would you like to know?"
MOST_TOPICS = 4
TAKE_MESSAGE = "take_message"
MOST_SAID = 300  # characters of a tool's answer that are read out as they are


class Scripted:
    """Answers from `persona.answers`, or leads `persona.questions` when its flow is interview.

    An answer's tool is asked for behind its words; take_message with what the caller says next.
    Stateless: the same messages get the same reply.
    """

    name = "scripted"

    def __init__(self, persona: Persona) -> None:
        self._persona = persona
        self._matcher = Matcher([answer.ask for answer in persona.answers])
        self._topics = list(dict.fromkeys(each.topic for each in persona.answers if each.topic))

    async def reply(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Piece]:
        """Word by word, as a model would; never raises."""
        asked = _message_asked_for(self._persona.answers, messages)
        if asked:
            yield ToolCall("message", TAKE_MESSAGE, _json({"message": messages[-1].content}))
            return
        for number, word in enumerate(self.line(messages).split()):
            yield word if not number else f" {word}"
        answer = self._answer(messages)
        if answer and answer.tool and not _awaits_message(answer):
            yield ToolCall("answer", answer.tool, _json(answer.arguments))

    def line(self, messages: Sequence[Message]) -> str:
        """The whole reply to the last message."""
        if messages and messages[-1].role == "tool":
            return self._told(messages[-1].content)
        if self._persona.flow == "interview":
            return next_line(self._persona, messages)
        if answer := self._answer(messages):
            return answer.say
        return self._chat(small_talk(messages[-1].content if messages else ""), messages)

    def _answer(self, messages: Sequence[Message]) -> Answer | None:
        """The scripted answer to what the caller said."""
        if not messages or messages[-1].role != "user" or self._persona.flow == "interview":
            return None
        match = self._matcher.best(messages[-1].content)
        return self._persona.answers[match.index] if match else None

    def _told(self, result: str) -> str:
        """What a tool answered, in words."""
        phrases = self._persona.phrases
        if result == NOTED:
            return phrases.noted
        if result.startswith(FAILED):
            return phrases.trouble
        plain = result[:1] not in "{[" and len(result) <= MOST_SAID
        return result if plain else phrases.done

    def _chat(self, talk: Talk | None, messages: Sequence[Message]) -> str:
        match talk:
            case Talk.REPEAT:
                return last_said(messages) or self._persona.greeting
            case Talk.GOODBYE:
                return self._persona.phrases.goodbye
            case Talk.THANKS:
                return WELCOME
            case Talk.STOP:
                return GO_AHEAD
            case Talk.HELLO:
                return f"{HELLO} {self._offer(messages)}".rstrip()
            case Talk.HELP:
                return self._offer(messages) or self._persona.greeting
        return f"{self._persona.phrases.help} {self._offer(messages)}".rstrip()

    def _offer(self, messages: Sequence[Message]) -> str:
        """A few topics; other ones each time the caller has heard an offer already."""
        if not self._topics:
            return ""
        offers = sum(each.role == "assistant" and OFFER in each.content for each in messages)
        begin = offers * MOST_TOPICS % len(self._topics)
        turned = self._topics[begin:] + self._topics[:begin]
        return f"{OFFER} {enumerated(turned[:MOST_TOPICS], 'or')}."

    async def close(self) -> None:
        """Nothing is kept open."""


def _awaits_message(answer: Answer) -> bool:
    return answer.tool == TAKE_MESSAGE and "message" not in answer.arguments


def _message_asked_for(answers: Sequence[Answer], messages: Sequence[Message]) -> bool:
    """Is the caller's last line the message that the bot has just asked for?"""
    if len(messages) < 2 or messages[-1].role != "user" or messages[-2].role != "assistant":
        return False
    asked = messages[-2].content
    return bool(asked) and any(
        _awaits_message(each) and each.say.startswith(asked) for each in answers
    )


def _json(arguments: dict[str, object]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
