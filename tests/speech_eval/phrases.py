"""What the callers of the speech evaluation say: those of the turns, and longer ones with numbers.

Numbers are written as words, so that the texts are what is said.
"""

from __future__ import annotations

from tests.eval.phrases import INTERRUPTIONS, STOP_WORDS

SHORT = [text for kind, texts in INTERRUPTIONS.items() if kind != STOP_WORDS for text in texts]
LONG = [
    "My number is five five five, two three one, eight nine four seven.",
    "I was born on the twelfth of March nineteen eighty four.",
    "Could I have an appointment next Thursday at a quarter past ten in the morning?",
    "The invoice says two hundred and forty dollars, but I have already paid half of it.",
    "I live at seventeen Garden Street, on the third floor, the door on the left.",
    "My insurance card ends with three eight six one, and it is valid until the end of the year.",
    "She has had a fever of thirty nine degrees for two days, and she does not want to eat.",
    "I need a new prescription for the tablets against high blood pressure, please.",
    "We will be on holiday from the first to the fifteenth of August, so September is better.",
    "The letter with the results of the blood test has not arrived yet, it has been ten days.",
    "Can somebody call me back this afternoon between two and four o'clock?",
    "I would like to know whether the doctor speaks Spanish, because my father does not speak "
    "English very well.",
    "There are four of us, two adults and two children, and we all need the same vaccination.",
    "I tried the website, but it told me that there are no free places before November.",
    "The train was late, so I will be there about twenty minutes after eight.",
    "Please tell him that the meeting has been moved to room six on the second floor.",
]
TEXTS = [*SHORT, *LONG]
