"""Persona files: the shipped ones say what callers need, broken ones are told plainly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.persona import Persona, check_persona, load_persona, load_personas
from bot.providers.base import Message
from bot.providers.scripted import Scripted

PERSONAS = Path(__file__).resolve().parents[1] / "personas"
MINIMAL = """
name = "Ann"
greeting = "Hello."
system_prompt = "Be brief."
[metadata]
source_template_id = "helpful-assistant"
"""
MAX_WORDS_A_SENTENCE = 25
MAX_WORDS_AN_ANSWER = 60


@pytest.fixture(scope="module")
def shipped() -> dict[str, Persona]:
    return load_personas(PERSONAS)


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "ann.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return write


def reply(persona: Persona, words: str) -> str:
    return Scripted(persona).line([Message("user", words)])


def test_the_three_presets(shipped):
    kinds = {
        slug: (persona.flow, persona.barge_in.behaviour, persona.metadata.source_template_id)
        for slug, persona in shipped.items()
    }
    assert kinds == {
        "helpful-assistant": ("assistant", "balanced", "helpful-assistant"),
        "technical-interviewer": ("interview", "aggressive", "technical-interviewer"),
        "domain-expert": ("assistant", "conservative", "domain-expert"),
    }


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("What time do you open tomorrow?", "We open at eight from Monday to Friday"),
        ("what time do you open to morrow", "On Saturday we are open from nine to noon"),
        ("Hi, are you open tomorrow?", "On Sunday we are closed"),
        ("When do you close today?", "close at six"),
        ("I'd like to make an appointment please.", "next free appointment"),
        ("I need to cancel my appointment", "cancel or move"),
        ("Where are you located?", "Willow Lane"),
        ("Do you have parking?", "car park"),
        ("I have a terrible chest pain", "dial one one two"),
        ("My prescription ran out.", "Repeat prescriptions"),
        ("Do you take my insurance?", "insurance card"),
        ("Which doctors work there?", "Maria Lopez"),
        ("Are my test results back?", "three working days"),
        ("Can I get a flu shot?", "every Wednesday"),
        ("Does anyone speak Spanish?", "English, Spanish"),
        ("How much does a visit cost?", "sixty dollars"),
        ("Are you taking new patients?", "taking new patients"),
    ],
)
def test_the_clinic_answers(shipped, words, part):
    assert part in reply(shipped["helpful-assistant"], words)


def test_the_clinic_offers_its_topics_when_it_has_no_answer(shipped):
    said = reply(shipped["helpful-assistant"], "Who won the football match?")
    assert said.startswith("I am not sure about that. I can help with opening hours")


def test_every_way_of_asking_reaches_its_own_answer(shipped):
    missed = [
        (slug, ask)
        for slug, persona in shipped.items()
        for answer in persona.answers
        for ask in answer.ask
        if reply(persona, ask) != answer.say
    ]
    assert not missed


def test_answers_come_in_several_wordings_and_have_topics(shipped):
    for persona in shipped.values():
        assert all(len(answer.ask) >= 2 and answer.topic for answer in persona.answers)
    assert len(shipped["helpful-assistant"].answers) >= 12


def test_the_interview_has_questions_with_something_to_listen_for(shipped):
    questions = shipped["technical-interviewer"].questions
    assert len(questions) >= 5
    assert all(len(each.expect) >= 3 and each.hint for each in questions)


def test_texts_can_be_heard_on_a_phone(shipped):
    """Short sentences, numbers as words, nothing a voice would stumble over."""
    for persona in shipped.values():
        for text in spoken(persona):
            assert not re.search(r"[0-9*_#<>\[\]{}()/|]|https?", text), text
            assert len(text.split()) <= MAX_WORDS_AN_ANSWER, text
            for sentence in re.split(r"[.?!]", text):
                assert len(sentence.split()) <= MAX_WORDS_A_SENTENCE, sentence


def spoken(persona: Persona) -> list[str]:
    phrases = persona.phrases.model_dump()
    fillers = phrases.pop("fillers")
    return [
        persona.greeting,
        persona.idle.goodbye,
        *persona.idle.reprompts,
        *phrases.values(),
        *fillers,
        *(answer.say for answer in persona.answers),
        *(text for question in persona.questions for text in (question.ask, question.hint)),
    ]


def test_the_slug_is_the_name_of_the_file(written):
    assert load_persona(written(MINIMAL, "front-desk.toml")).slug == "front-desk"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MINIMAL.replace('greeting = "Hello."', ""), ["greeting: is missing. Add it."]),
        (MINIMAL.replace("Hello.", ""), ["greeting: is empty. Write it."]),
        ("slug = 'x'" + MINIMAL, ["slug: is taken from the file's name. Remove it."]),
        ("greetin = 'x'" + MINIMAL, ['greetin: is no key known here. Did you mean "greeting"?']),
        (
            MINIMAL + "[turn]\nsilence_ms = 100\nsilence = 3\n",
            [
                "turn.silence_ms: is 100. It must be at least 200.",
                'turn.silence: is no key known here. Did you mean "silence_ms"?',
            ],
        ),
        (
            MINIMAL + "[[answers]]\nask = ['x']\nsay = 'y'\n[[answers]]\nask = []\nsya = 'y'\n",
            [
                "answers[2].ask: is empty. Give it at least one entry.",
                "answers[2].say: is missing. Add it.",
                'answers[2].sya: is no key known here. Did you mean "say"?',
            ],
        ),
        (
            MINIMAL + "[barge_in]\nbehaviour = 'polite'\n",
            [
                "barge_in.behaviour: is 'polite'. "
                "Use one of 'aggressive', 'balanced' or 'conservative'."
            ],
        ),
        (
            "flow = 'interview'" + MINIMAL,
            ["questions: is empty, and the flow is an interview. Add [[questions]]."],
        ),
        (MINIMAL.replace("[metadata]", "[meta]"), [
            "metadata: is missing. Add it.",
            'meta: is no key known here. Did you mean "metadata"?',
        ]),
    ],
)  # fmt: skip
def test_faults_name_key_and_remedy(written, text, expected):
    path = written(text)
    persona, faults = check_persona(path)
    assert persona is None
    assert [str(fault).removeprefix(f"{path}: ") for fault in faults] == expected
    with pytest.raises(ConfigError, match=re.escape(expected[0])):
        load_persona(path)


def test_a_name_that_cannot_be_a_slug(written):
    faults = check_persona(written(MINIMAL, "Front Desk.toml"))[1]
    assert "Rename the file" in str(faults[0])
