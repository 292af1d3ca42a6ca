"""Ten short calls, each with something that a bot has to decide.

Nothing in them is a matter of luck. "No, what about Saturday?" was: of its first half second,
all there is to judge at the comma, whisper makes "No" or a hum, through every door. "mhm" was:
Piper spells it out. "Thank you, goodbye." is heard as "Thank you." now and then.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.parity.conductor import Ended, Hear, Over, Press, Step, Wait, say

HOURS = "What time do you open tomorrow?"
SCENARIOS: dict[str, Sequence[Step]] = {
    "a question": (Hear(), say(HOURS), Hear()),
    "two questions": (Hear(), say(HOURS), Hear(), say("Where are you?"), Hear()),
    "a pause in a question": (
        Hear(), say("I would like to know", "what time you open tomorrow.", pause_s=0.45), Hear(),
    ),
    "an unfinished sentence": (
        Hear(), say("I want to make an appointment and", "I need it on Monday.", pause_s=1.6),
        Hear(),
    ),
    "stop": (Hear(), say(HOURS), Over(1.5, "Stop, please stop."), Hear()),
    "a question over the reply": (
        Hear(), say(HOURS), Over(1.5, "But what about Saturday morning?"), Hear(),
    ),
    "yeah, okay": (Hear(), say(HOURS), Over(1.5, "Yeah, okay."), Hear(2.0)),
    "silence": (Hear(), Wait(1.0), Hear(), Wait(9.0), Hear()),
    "keys": (Hear(), Press("123#"), Hear(), say(HOURS), Hear()),
    "goodbye": (Hear(), say(HOURS), Hear(), say("That is all, thank you. Goodbye."), Ended()),
}  # fmt: skip
