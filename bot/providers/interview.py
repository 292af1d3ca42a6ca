"""A scripted interview: the persona's questions in turn, one hint each, a summing-up.

Nothing is remembered between replies: where the interview stands is read from what was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from bot.persona import Persona, Question
from bot.providers.base import Message
from bot.providers.matching import alike, content, spoken_words
from bot.providers.small_talk import Talk, small_talk

HEARD = 85.0  # of 100: how much of a question must stand in what the caller heard
HEARD_SHARE = 0.6  # of its length: an interrupted question counts as asked from here on
GIVES_UP = ("don't know", "do not know", "no idea", "not sure", "skip", "next question", "pass")
GOOD = ("Good.", "Thank you, that is a good point.", "Right.", "Well put.")
TAKEN = ("Thank you.", "All right.", "I see.")
TAKE_YOUR_TIME = "Of course, take your time."
BEGIN = "Great, let us begin."
HINT = "Let me give you a hint."
MOVE_ON = ("That is all right, let us move on.", "No problem. Here is the next one.")
LAST = "That was my last question."
MOST_POINTS = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was put, and what came back so far."""

    question: Question
    answer: str  # everything the caller said since
    hinted: bool


def next_line(persona: Persona, messages: Sequence[Message]) -> str:
    """What the interviewer says next; the caller's newest words are the last message."""
    said = messages[-1].content if messages else ""
    asked = history(persona.questions, messages)
    if small_talk(said) is Talk.REPEAT:
        return last_said(messages) or persona.greeting
    if small_talk(said) is Talk.GOODBYE:
        return persona.phrases.goodbye
    if asked and small_talk(said) is Talk.STOP:
        return TAKE_YOUR_TIME
    if not asked:
        return f"{BEGIN} {persona.questions[0].ask}" if persona.questions else persona.phrases.help
    if any(message.role == "assistant" and LAST in message.content for message in messages):
        return persona.phrases.goodbye
    current = asked[-1]
    ahead = remaining(persona.questions, current.question)
    if wants_hint(current, said):
        return f"{HINT} {current.question.hint}"
    then = ahead[0].ask if ahead else summary(asked)
    return f"{acknowledgement(current, len(asked))} {then}"


def history(questions: Sequence[Question], messages: Sequence[Message]) -> list[Asked]:
    """The questions put so far, in the order they were put."""
    asked: list[Asked] = []
    for message in messages:
        if message.role == "assistant":
            new = [each for each in questions if heard(each.ask, message.content)]
            known = [each.question for each in asked]
            asked += [Asked(each, "", False) for each in new if each not in known][:1]
            if asked and asked[-1].question.hint and HINT in message.content:
                asked[-1] = Asked(asked[-1].question, asked[-1].answer, True)
        elif message.role == "user" and asked:
            last = asked[-1]
            asked[-1] = Asked(last.question, f"{last.answer} {message.content}", last.hinted)
    return asked


def heard(ask: str, said: str) -> bool:
    """Did the caller hear this question, wholly or nearly so?"""
    return len(said) >= HEARD_SHARE * len(ask) and fuzz.partial_ratio(ask, said) >= HEARD


def remaining(questions: Sequence[Question], current: Question) -> Sequence[Question]:
    return questions[questions.index(current) + 1 :]


def last_said(messages: Sequence[Message]) -> str:
    return next((each.content for each in reversed(messages) if each.role == "assistant"), "")


def touched(asked: Asked) -> list[str]:
    """The expected ideas that the answer names, leniently: one content word of each, any form."""
    said = spoken_words(asked.answer)
    return [
        idea
        for idea in asked.question.expect
        if (words := content(idea) or spoken_words(idea))
        and any(alike(word, other) for word in words for other in said)
    ]


def gives_up(said: str) -> bool:
    sentence = f" {' '.join(spoken_words(said))} "
    return any(f" {phrase} " in sentence for phrase in GIVES_UP)


def wants_hint(asked: Asked, said: str) -> bool:
    if not asked.question.hint or asked.hinted:
        return False
    if "hint" in spoken_words(said):
        return True
    return bool(asked.question.expect) and not touched(asked) and not gives_up(said)


def acknowledgement(asked: Asked, number: int) -> str:
    words: tuple[str, ...] = TAKEN
    if asked.question.expect:
        words = GOOD if touched(asked) else MOVE_ON
    return words[number % len(words)]


def summary(asked: Sequence[Asked]) -> str:
    """What the caller did well, and thanks."""
    points = list(dict.fromkeys(idea for each in asked for idea in touched(each)))[:MOST_POINTS]
    thanks = "Thank you for your time, we will be in touch."
    if not points:
        return f"{LAST} {thanks}"
    return f"{LAST} You spoke about {enumerated(points, 'and')}. {thanks}"


def enumerated(things: Sequence[str], word: str) -> str:
    """a; a and b; a, b and c."""
    if len(things) < 2:
        return "".join(things)
    return f"{', '.join(things[:-1])} {word} {things[-1]}"
