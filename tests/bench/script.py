"""What is said in the bench: a persona with short answers, and a caller's questions for it."""

from __future__ import annotations

SILENCE_MS = 700  # shorter than the default 2500, to save time; subtracted from every figure

ANSWERS = {
    "What time do you open tomorrow?": "We open at nine tomorrow.",
    "Where can I park my car?": "There is a car park behind the house.",
    "Do you accept credit cards?": "Yes, we take all cards.",
    "How much is a check up?": "A check up is forty dollars.",
    "Who is the doctor on duty?": "Doctor Miller is here today.",
    "Can I bring my dog with me?": "Sorry, dogs have to wait outside.",
}
QUESTIONS = list(ANSWERS)

PERSONA = {
    "name": "Bench",
    "greeting": "Hello.",
    "system_prompt": "Answer in one short sentence.",
    "metadata": {"source_template_id": "helpful-assistant"},
    # no filler: the first speech after a question is always the reply
    "turn": {"silence_ms": SILENCE_MS, "filler_after_s": 10.0},
    "idle": {"after_s": 30.0},
    "answers": [{"ask": [ask], "say": say} for ask, say in ANSWERS.items()],
}
DIALPLAN = {"routes": [{"number": "1000", "persona": "bench"}]}
