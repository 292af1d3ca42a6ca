"""Persona files: the shipped ones say what callers need, broken ones are told plainly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.persona import Persona, check_persona, load_persona, load_personas
from bot.providers.base import Message
from bot.providers.scripted import Scripted
from bot.tool_settings import is_allowed

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
        (
            MINIMAL + "[tools]\nuse = ['transfer']\non_trouble = 'desk'\n",
            [
                "tools.targets: is empty, and tools.use has transfer. "
                'Add e.g. sales = "sip:200@192.0.2.10".',
                'tools.on_trouble: is "desk", which is not among tools.targets. Add it there.',
            ],
        ),
        (
            MINIMAL + "[tools]\nuse = ['dance']\ntargets = {desk = 'the desk'}\n",
            [
                "tools.use[1]: is 'dance'. "
                "Use one of 'hang_up', 'transfer', 'send_digits' or 'take_message'.",
                "tools.targets.desk: is 'the desk'. It must look like ^(sips?|tel):[^\\s<>]+$.",
            ],
        ),
        (
            MINIMAL + "[prompt]\ntimezone = 'Mars/Olympus'\n",
            [
                "prompt.timezone: is 'Mars/Olympus'. "
                'It must be a time zone, e.g. "Europe/Berlin".'
            ],
        ),
        (
            MINIMAL + "[[answers]]\nask = ['x']\nsay = 'y'\ntool = 'hang_up'\n",
            [
                'answers[1].tool: is "hang_up", which this persona does not have. '
                "Add it to tools.use."
            ],
        ),
        (
            MINIMAL + """
[[tools.webhooks]]
name = "order"
about = "x"
url = "https://shop.example.com/orders/{number}"
arguments = { type = "objekt" }
""",
            [
                "tools.webhooks[1].arguments.type: is no JSON Schema: "
                "'objekt' is not valid under any of the given schemas. "
                "See https://json-schema.org/understanding-json-schema.",
                "tools.webhooks[1].url: goes to shop.example.com, which no persona may call. "
                'Add "shop.example.com" to webhooks.allow in the configuration.',
            ],
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


WEBHOOK = """
[[tools.webhooks]]
name = "order"
about = "Looks up an order."
url = "https://shop.example.com:8443/orders/{number}?by={caller}"
context = ["caller"]
[tools.webhooks.arguments]
type = "object"
required = ["number"]
properties.number = { type = "string" }
"""


def test_a_webhook_goes_to_a_host_that_the_configuration_allows(written):
    path = written(MINIMAL + WEBHOOK)
    assert load_persona(path, ["shop.example.com:8443"]).tools.webhooks[0].method == "GET"
    assert load_persona(path, None).tools.webhooks
    for allowed in ([], ["shop.example.com"], ["example.com:8443"], ["*.com"]):
        with pytest.raises(ConfigError, match="no persona may call"):
            load_persona(path, allowed)


@pytest.mark.parametrize(
    ("host", "allowed", "fine"),
    [
        ("a.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("evil-example.com", "*.example.com", False),
        ("A.example.com".lower(), "a.EXAMPLE.com", True),
        ("127.0.0.1:9000", "127.0.0.1:9000", True),
        ("127.0.0.1:9001", "127.0.0.1:9000", False),
    ],
)
def test_hosts_are_allowed_by_their_whole_name(host, allowed, fine):
    assert is_allowed(host, [allowed]) is fine


@pytest.mark.parametrize(
    "url",
    [
        "https://{host}/x", "ftp://a.example/x", "https://me@a.example/x", "/orders",
        "https://a.example?x={y}",
    ],
)  # fmt: skip
def test_the_host_of_a_webhook_is_fixed(written, url):
    text = MINIMAL + f"[[tools.webhooks]]\nname = 'x'\nabout = 'x'\nurl = '{url}'\n"
    persona, faults = check_persona(written(text), None)
    assert persona is None and "tools.webhooks[1].url" in str(faults[0])


@pytest.mark.parametrize(
    ("tools", "key"),
    [
        ('handoff = { to = "nobody", digit = "0" }', "tools.handoff.to"),
        ('handoff = { to = "desk" }', "tools.handoff"),
        ('handoff = { to = "desk", digit = "12" }', "tools.handoff.digit"),
        ('attended = ["nobody"]', "tools.attended"),
        ('whisper = "From {who}."', "tools.whisper"),
        ('accept_key = "1"', "tools.accept_key"),
    ],
)
def test_a_hand_off_that_leads_nowhere_is_told_with_its_key(tmp_path, tools, key):
    path = tmp_path / "shop.toml"
    path.write_text(
        'name = "x"\ngreeting = "x"\nsystem_prompt = "x"\nmetadata.source_template_id = "x"\n'
        f'[tools]\n{tools}\n[tools.targets]\ndesk = "sip:1@pbx.test"\n'
    )
    _, (fault,) = check_persona(path)
    assert fault.key == key
