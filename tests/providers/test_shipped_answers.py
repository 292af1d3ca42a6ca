"""The shipped personas, asked as callers ask: other words than the files hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.persona import Persona, load_personas
from bot.providers.base import Message
from bot.providers.scripted import GO_AHEAD, Scripted

PERSONAS = load_personas(Path(__file__).resolve().parents[2] / "personas")
CLINIC = {
    "opening hours": [
        "Hi, what time do you open tomorrow?", "when do you close", "Are you open on Sundays?",
        "What are your opening now?", "until when are you open today", "what are your hours",
    ],
    "appointments": [
        "I'd like to book an appointment", "When can I see a doctor?", "do i need an appointment",
        "Do you have an opening this week?", "I need an appointment for my daughter.",
    ],
    "cancelling an appointment": [
        "I need to cancel my appointment for tomorrow", "Can I reschedule my appointment?",
        "I can't make it to my appointment", "can I change my appointment to next week",
    ],
    "our address": [
        "how do I get there", "Okay, and how do I get there?", "What's your address?",
        "Can I take the bus?", "Where exactly are you located?",
    ],
    "parking": ["where can I park my car", "Do I have to pay for parking?"],
    "emergencies": [
        "my husband is unconscious", "I have a bad pain in my chest",
        "I think I'm having a heart attack", "help, somebody collapsed",
    ],
    "prescriptions": ["I ran out of my pills", "is my prescription ready for pick up"],
    "insurance": ["which insurances do you take", "do I need my insurance card"],
    "our doctors": ["who is the pediatrician", "Is Dr. Chen in today?"],
    "test results": ["Are my blood test results ready?", "I have been waiting for my results"],
    "vaccinations": ["I want a flu shot", "How much is a flu shot?"],
    "languages": ["does somebody speak german"],
    "fees": ["how much is a visit", "can I pay with a credit card"],
    "becoming a new patient": ["I'm a new patient", "are you accepting new patients"],
    "speaking to a person": ["can I speak to a human", "am I talking to a computer"],
    "contacting us": ["what's your email address"],
    "leaving a message": [
        "I want to leave a message", "can you take a message for doctor Chen",
        "please have somebody call me back",
    ],
    "waiting times": ["How long do I have to wait?"],
    "seeing a doctor today": ["I have a headache."],
}  # fmt: skip
EXPERT = {
    "what SIP is": ["what does SIP mean", "tell me about SIP"],
    "codecs": ["which codec is best", "What is the difference between G711 and G722?"],
    "one way audio": ["I can't hear the other side", "nobody can hear me"],
    "jitter": ["why is my audio choppy", "what is a jitter buffer"],
    "bandwidth": ["how much bandwidth does a phone call take", "how many calls fit in one megabit"],
    "encryption": ["is SIP encrypted", "can somebody listen to my calls"],
    "touch tones": ["what is DTMF", "why are my touch tones not working"],
}
ASKED = [
    *(("helpful-assistant", topic, said) for topic, says in CLINIC.items() for said in says),
    *(("domain-expert", topic, said) for topic, says in EXPERT.items() for said in says),
]
NOT_ASKED = ["Tell me a joke.", "Who won the football game?", "My name is John.", "Mm-hmm.", "No."]


def answered(persona: Persona, said: str) -> str:
    """The topic of the answer to `said`; "" when there is none."""
    line = Scripted(persona).line([Message("user", said)])
    return next((each.topic for each in persona.answers if each.say == line), "")


@pytest.mark.parametrize(("slug", "topic", "said"), ASKED, ids=lambda value: str(value)[:30])
def test_natural_words_reach_their_answer(slug: str, topic: str, said: str) -> None:
    assert answered(PERSONAS[slug], said) == topic


@pytest.mark.parametrize("slug", ["helpful-assistant", "domain-expert"])
def test_every_way_of_asking_reaches_its_own_answer(slug: str) -> None:
    persona = PERSONAS[slug]
    asks = [(each.topic, ask) for each in persona.answers for ask in each.ask]
    assert [
        (ask, answered(persona, ask)) for topic, ask in asks if answered(persona, ask) != topic
    ] == []


@pytest.mark.parametrize("slug", ["helpful-assistant", "domain-expert"])
@pytest.mark.parametrize("said", ["No, wait, stop please.", "hold on", "Stop."])
def test_whoever_interrupts_is_asked_to_go_ahead(slug: str, said: str) -> None:
    assert Scripted(PERSONAS[slug]).line([Message("user", said)]) == GO_AHEAD


@pytest.mark.parametrize("slug", ["helpful-assistant", "domain-expert"])
def test_what_nobody_asked_is_not_answered(slug: str) -> None:
    assert [said for said in NOT_ASKED if answered(PERSONAS[slug], said)] == []
