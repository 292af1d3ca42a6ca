"""Do the words of a pause read like a whole sentence? Rules on wording, no model.

Whisper puts a full stop behind anything, so punctuation counts only where it says "not yet".
A rule on the last word did as well as a dedicated model on cut telephone sentences (FACTS).
"""

from __future__ import annotations

from enum import Enum

from bot.engine.wording import QUESTION_WORDS, is_unfinished, words

SHORT_ANSWERS = frozenset(
    "yes no yeah yep nope okay ok sure thanks correct right hello hi none nothing never always "
    "please tomorrow today monday tuesday wednesday thursday friday saturday sunday".split()
)
LEANS_ON = frozenset(  # words that want another one after them
    "i you we they he she it is are was were be been am do does did have has had will would can "
    "could shall should may might must want need like want's gonna going trying not no very more "
    "some any this that these those my your his her our their its each every what which whose "
    "as until since before after into onto over under per via please also just only really "
    "mr mrs ms dr doctor named called number about around next last first second third new "
    "another other both either whether how where when why who whom let's it's i'd i'll i've "
    "you're we're they're there's here's".split()
)
OPENINGS = ("i'd", "i would", "i want", "i need", "can", "could", "my", "is", "do", "what", "how")
SHORT_WORDS = 3


class Completeness(Enum):
    """From what may be answered at once to what surely goes on."""

    QUESTION = 1
    STATEMENT = 2
    UNSURE = 3
    BROKEN = 4


def judge(text: str, language: str = "en") -> Completeness:
    """How complete the words read. Only English has rules; all else is UNSURE."""
    spoken = words(text)
    if not spoken:
        return Completeness.UNSURE
    if is_unfinished(text, language):
        return Completeness.BROKEN
    if language != "en":
        return Completeness.UNSURE
    if spoken[-1] in LEANS_ON and not (len(spoken) <= SHORT_WORDS and text.rstrip().endswith("?")):
        return Completeness.BROKEN if spoken[-1] not in SHORT_ANSWERS else Completeness.STATEMENT
    if len(spoken) <= SHORT_WORDS:
        sure = all(word in SHORT_ANSWERS for word in spoken)
        return Completeness.STATEMENT if sure else Completeness.UNSURE
    if text.rstrip().endswith("?") or spoken[0] in QUESTION_WORDS:
        return Completeness.QUESTION
    return Completeness.STATEMENT
