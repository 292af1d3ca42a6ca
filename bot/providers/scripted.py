"""A language model without a model: the persona's own answers, found by fuzzy match."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bot.persona import Persona
from bot.providers.base import Message
from bot.providers.interview import enumerated, last_said, next_line
from bot.providers.matching import Matcher
from bot.providers.small_talk import Talk, small_talk

OFFER = "I can help with"
WELCOME = "You are welcome. Is there anything else?"
HELLO = "Hello."
GO_AHEAD = "Of course. What would you like to know?"
MOST_TOPICS = 4


class Scripted:
    """Answers from `persona.answers`, or leads `persona.questions` when its flow is interview.

    Stateless: the same messages get the same reply.
    """

    name = "scripted"

    def __init__(self, persona: Persona) -> None:
        self._persona = persona
        self._matcher = Matcher([answer.ask for answer in persona.answers])
        self._topics = list(dict.fromkeys(each.topic for each in persona.answers if each.topic))

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """Word by word, as a model would; never raises."""
        for number, word in enumerate(self.line(messages).split()):
            yield word if not number else f" {word}"

    def line(self, messages: Sequence[Message]) -> str:
        """The whole reply to the last message."""
        if self._persona.flow == "interview":
            return next_line(self._persona, messages)
        said = messages[-1].content if messages else ""
        match = self._matcher.best(said)
        if match:
            return self._persona.answers[match.index].say
        return self._chat(small_talk(said), messages)

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
