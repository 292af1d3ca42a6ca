"""A scripted interview: the persona's questions in turn, one hint each, a summing-up.

Nothing is remembered between replies: where the interview stands is read from what was said.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.persona import Persona, Question
from bot.providers.base import Message
from bot.providers.evaluation import HINT, Asked, Evaluation, named
from bot.providers.matching import spoken_words
from bot.providers.small_talk import Talk, small_talk

GIVES_UP = ("don't know", "do not know", "no idea", "not sure", "skip", "next question", "pass")
GOOD = ("Good.", "Thank you, that is a good point.", "Right.", "Well put.")
TAKEN = ("Thank you.", "All right.", "I see.")
TAKE_YOUR_TIME = "Of course, take your time."
BEGIN = "Great, let us begin."
MOVE_ON = ("That is all right, let us move on.", "No problem. Here is the next one.")
LAST = "That was my last question."
MOST_POINTS = 4


def next_line(persona: Persona, messages: Sequence[Message]) -> str:
    """What the interviewer says next; the caller's newest words are the last message."""
    said = messages[-1].content if messages else ""
    interview = history(persona.questions, messages)
    asked, current = interview.asked, interview.current
    if small_talk(said) is Talk.REPEAT:
        return last_said(messages) or persona.greeting
    if small_talk(said) is Talk.GOODBYE:
        return persona.phrases.goodbye
    if current is not None and small_talk(said) is Talk.STOP and not to_the_point(current, said):
        return TAKE_YOUR_TIME
    if current is None:
        return f"{BEGIN} {persona.questions[0].ask}" if persona.questions else persona.phrases.help
    if any(message.role == "assistant" and LAST in message.content for message in messages):
        return persona.phrases.goodbye
    ahead = remaining(persona.questions, current.question)
    if wants_hint(current, said):
        return f"{HINT} {current.question.hint}"
    then = ahead[0].ask if ahead else summary(asked)
    return f"{acknowledgement(current, len(asked))} {then}"


def history(questions: Sequence[Question], messages: Sequence[Message]) -> Evaluation:
    """The questions put so far, and what the caller's answers touched."""
    interview = Evaluation(questions)
    for message in messages:
        if message.role == "assistant":
            interview.bot(message.content)
        elif message.role == "user":
            interview.caller(message.content)
    return interview


def remaining(questions: Sequence[Question], current: Question) -> Sequence[Question]:
    return questions[questions.index(current) + 1 :]


def last_said(messages: Sequence[Message]) -> str:
    return next((each.content for each in reversed(messages) if each.role == "assistant"), "")


def gives_up(said: str) -> bool:
    sentence = f" {' '.join(spoken_words(said))} "
    return any(f" {phrase} " in sentence for phrase in GIVES_UP)


def to_the_point(asked: Asked, said: str) -> bool:
    """Is it an answer after all: "The others have to wait"?"""
    return bool(named(said, asked.question.expect))


def wants_hint(asked: Asked, said: str) -> bool:
    if not asked.question.hint or asked.hinted:
        return False
    if "hint" in spoken_words(said):
        return True
    return bool(asked.question.expect) and not asked.touched and not gives_up(said)


def acknowledgement(asked: Asked, number: int) -> str:
    words: tuple[str, ...] = TAKEN
    if asked.question.expect:
        words = GOOD if asked.touched else MOVE_ON
    return words[number % len(words)]


def summary(asked: Sequence[Asked]) -> str:
    """What the caller did well, and thanks."""
    points = list(dict.fromkeys(idea for each in asked for idea in each.touched))[:MOST_POINTS]
    thanks = "Thank you for your time, we will be in touch."
    if not points:
        return f"{LAST} {thanks}"
    return f"{LAST} You spoke about {enumerated(points, 'and')}. {thanks}"


def enumerated(things: Sequence[str], word: str) -> str:
    """a; a and b; a, b and c."""
    if len(things) < 2:
        return "".join(things)
    return f"{', '.join(things[:-1])} {word} {things[-1]}"
