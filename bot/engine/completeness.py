"""Do the words of a pause read like a whole sentence? Rules on wording, no model.

What tells most, measured on real transcripts of pauses (docs/turns.md):
- the last word: nobody stops for good at "the", "to" or "because";
- a missing full stop: Whisper sets one behind nearly all that is over, and leaves it out of a
  third of what is not. The stop itself proves nothing;
- the length: half of a sentence is shorter than the whole of it, so a short one may still get its
  "on Friday" or "for my son", a long one seldom does;
- what it does: whoever has asked waits for an answer, whoever has told something may yet ask;
- what was asked: "Monday." answers "which day?", and only begins an answer to "can I help you?".
"""

from __future__ import annotations

import math
import re
from enum import Enum

from bot.engine.wording import is_unfinished, words

# so many words are seldom added to
LONG_WH_QUESTION, LONG_QUESTION, LONG_REQUEST = 4, 6, 7
SHORT_WORDS = 3  # so few are an answer, or the beginning of something
OPENING_WORDS = 12  # "If I come on Monday" and its like have got their main clause by then

LEANS_ON = frozenset(  # nobody stops for good after these
    "i we they he she is are was were be been am does did has had would could shall should may "
    "might must want going gonna trying not very some any my your his our their its every until "
    "into onto per via mr mrs ms dr i'd i'll i've i'm you're we're they're there's here's what's "
    "who's it's let's whose whether unless although though while".split()
)
MAY_LEAN_ON = frozenset(  # mostly not, but sentences do end so
    "this that these those it no more each both either other another do have will can need like "
    "around about last next first second third new also just only really since "
    "after over under how where when why who whom which what".split()
)
PREPOSITIONS = frozenset("of from to at with for in on by about like".split())
ARTICLES = frozenset("a an the my your our their his her and or but if because than".split())
PARTICLES = frozenset("in on by over up out".split())  # "can I come in?"
WHOLE_ENDINGS = re.compile(  # they look broken off, and are not
    r"\b(?:(?:think|hope|guess|believe) so|(?:come|came|is|am|are|be|check) in|hold on|come by"
    r"|(?:yes|no|yeah|and|but|if|that) ?,? (?:i|we|it|he|she|they) "
    r"(?:am|is|are|was|were|do|does|did|have|has|had|can|could|will|would|should|may|want))\W*$",
    re.I,
)
CLOSINGS = re.compile(
    r"\b(?:please|thanks|thank you|that(?:'s| is) (?:all|it|right|fine|correct|okay))[.!?]*$", re.I
)
TIMES = re.compile(  # when: what people add last; of the past they tell before they ask
    r"\b(?:today|tomorrow|tonight|now|again|soon|noon|o'clock"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:this |in the |the )?(?:morning|afternoon"
    r"|evening|night|weekend)|(?:this|next) (?:week|month|year))[.!?]*$",
    re.I,
)
REQUESTS = re.compile(
    r"\b(?:please|(?:would|'d) like|want|need|let me|(?:tell|give|send|call|connect|put) me"
    r"|(?:can|could|may) (?:i|you|we))\b",
    re.I,
)
PREFACES = re.compile(  # whoever says so has not yet said what they want
    r"^(?:(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|yes|okay|well|so|um|uh)\W*)*"
    r"(?:(?:my name is|this is|i'm|i am|it's) [a-z'.-]+(?: [a-z'.-]+)?"
    r"|i(?: have| had|'ve got) (?:a|one|another) (?:\w+ )?(?:question|problem|request)"
    r"|i need (?:some |your )?help)?\W*$",
    re.I,
)
OPENINGS = re.compile(
    r"(?:if|since|because|after|before|while|although|though|even though|unless|as|until|once"
    r"|whenever|every time|(?:the )?(?:last|first|next) time)\b",
    re.I,
)
AUXILIARIES = frozenset(
    "do does did is are was were will would can could should may has have shall".split()
)
OPEN_QUESTIONS = re.compile(  # they are answered with a story
    r"\b(?:help|do for you|why|explain|describe|tell me about|happened|brings you|on your mind)\b",
    re.I,
)
WH_WORDS = frozenset("what when where who why how which".split())
YES_NO = frozenset("yes no yeah yep nope okay ok sure right correct".split())


class Completeness(Enum):
    """From what may be answered at once to what surely goes on."""

    CLOSED = 1  # nothing is missing, and people seldom add to it
    COMPLETE = 2  # a whole sentence of the kind that people add to
    UNSURE = 3  # it may be one, or the beginning of one
    BROKEN = 4


def judge(text: str, language: str = "en", *, asked: bool = False) -> Completeness:
    """How complete the words read; `asked`: they answer a question that a word may answer.

    Only English has rules; all else is UNSURE.
    """
    spoken = words(text)
    if not spoken:
        return Completeness.UNSURE
    if breaks_off(text, language):
        return Completeness.BROKEN
    if language != "en":
        return Completeness.UNSURE
    if CLOSINGS.search(text):
        return Completeness.CLOSED
    if _leans(text, spoken) or _only_opened(text, spoken):
        return Completeness.BROKEN
    if len(spoken) <= SHORT_WORDS and asked:
        alone = len(spoken) == 1 or spoken[-1] in YES_NO  # "Yes, … that would be fine."
        return Completeness.COMPLETE if alone else Completeness.CLOSED
    if _doubtful(text, spoken):
        return Completeness.UNSURE
    closed = asked or TIMES.search(text) or len(spoken) >= _long(text, spoken)
    return Completeness.CLOSED if closed else Completeness.COMPLETE


def _long(text: str, spoken: list[str]) -> float:
    """How many words a sentence of its kind has when it is seldom added to."""
    if spoken[0] in WH_WORDS:
        return LONG_WH_QUESTION
    if text.rstrip().endswith("?"):
        return LONG_QUESTION
    return LONG_REQUEST if REQUESTS.search(text) else math.inf


def wants_a_word(text: str) -> bool:
    """Does the bot's last sentence ask what a word or two may answer?"""
    last = re.split(r"(?<=[.?!])\s+", text.strip())[-1]
    return last.endswith("?") and not OPEN_QUESTIONS.search(last)


def breaks_off(text: str, language: str = "en") -> bool:
    """Does the sentence break off: "I would like to …", "between", a trailing dash?"""
    if language == "en" and WHOLE_ENDINGS.search(text):
        return False
    return is_unfinished(text, language)


def _leans(text: str, spoken: list[str]) -> bool:
    """Does the last word want another one after it, whatever sign Whisper put behind it?"""
    last = spoken[-1]
    if last in LEANS_ON or last in ARTICLES:
        return not WHOLE_ENDINGS.search(text)
    if last not in PREPOSITIONS or last in MAY_LEAN_ON or last in PARTICLES:
        return False
    return spoken[0] not in ("who", "what", "which", "where") or last == "to"


def _only_opened(text: str, spoken: list[str]) -> bool:
    """ "If I come on Monday": a clause that leads to another, which is not there yet."""
    opened = OPENINGS.match(" ".join(spoken)) is not None
    if spoken[0] == "when":
        opened = len(spoken) == 1 or spoken[1] not in AUXILIARIES
    question = text.rstrip().endswith("?")
    return opened and not question and "," not in text and len(spoken) < OPENING_WORDS


def _doubtful(text: str, spoken: list[str]) -> bool:
    """Too little, no full stop, a preface only, or a last word that mostly leads to another."""
    if len(spoken) <= SHORT_WORDS or PREFACES.match(text.strip()):
        return True
    if not text.rstrip().endswith((".", "?", "!")):
        return True
    last, before = spoken[-1], spoken[-2]
    return last in MAY_LEAN_ON and before not in PREPOSITIONS
