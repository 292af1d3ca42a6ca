"""The scripted model in both flows."""

from __future__ import annotations

from typing import Any

from bot.persona import Persona
from bot.providers.base import FAILED, NOTED, Message, ToolCall
from bot.providers.scripted import MOST_TOPICS, Scripted

TOPICS = ["hours", "parking", "prices", "results", "doctors"]
BASE: dict[str, Any] = {
    "name": "Clinic", "greeting": "Hello, this is the clinic.", "system_prompt": "x",
    "metadata": {"source_template_id": "t"},
}  # fmt: skip
CLINIC = Persona.model_validate(
    BASE
    | {
        "answers": [
            {"ask": ["What time do you open?"], "say": "We open at nine.", "topic": "hours"},
            {"ask": ["Where can I park?"], "say": "Behind the house.", "topic": "parking"},
            {"ask": ["What are your prices?"], "say": "Fifty dollars.", "topic": "prices"},
            {"ask": ["Are my results ready?"], "say": "Please ask.", "topic": "results"},
            {"ask": ["Who are the doctors?"], "say": "Doctor Smith.", "topic": "doctors"},
        ]
    }
)
FIRST, SECOND = "What is a hash table good for?", "How do you find a memory leak?"
INTERVIEW = Persona.model_validate(
    BASE
    | {
        "flow": "interview",
        "questions": [
            {"ask": FIRST, "expect": ["constant time", "collisions"], "hint": "Think of look-ups."},
            {"ask": SECOND, "expect": ["heap dump"]},
            {"ask": "What do you read?"},
        ],
    }
)


class Talk:
    """A conversation that remembers itself, as the engine would."""

    def __init__(self, persona: Persona) -> None:
        self.model = Scripted(persona)
        self.messages = [Message("system", "x"), Message("assistant", persona.greeting)]

    def say(self, said: str, *, heard: int | None = None) -> str:
        """The reply; of it, the first `heard` characters go into the history."""
        self.messages.append(Message("user", said))
        line = self.model.line(self.messages)
        self.messages.append(Message("assistant", line[:heard]))
        return line


async def test_the_reply_is_streamed_word_by_word() -> None:
    pieces = [piece async for piece in Scripted(CLINIC).reply([Message("user", "where to park")])]
    assert pieces == ["Behind", " the", " house."]


def test_an_answer_comes_from_the_persona() -> None:
    assert Talk(CLINIC).say("hi, could you tell me what time you open") == "We open at nine."


def test_help_names_a_few_topics_and_other_ones_next_time() -> None:
    talk = Talk(CLINIC)
    first, second = talk.say("Tell me about jazz."), talk.say("Or about football.")
    assert first == f"{CLINIC.phrases.help} I can help with hours, parking, prices or results."
    assert second == f"{CLINIC.phrases.help} I can help with doctors, hours, parking or prices."
    assert MOST_TOPICS == 4 and len(TOPICS) == 5


def test_manners() -> None:
    talk = Talk(CLINIC)
    assert talk.say("Thank you very much.") == "You are welcome. Is there anything else?"
    assert talk.say("Okay, goodbye.") == CLINIC.phrases.goodbye
    assert talk.say("Hello?").startswith("Hello. I can help with")
    assert talk.say("What can you do?").startswith("I can help with")
    assert talk.say("Thanks, and where can I park?") == "Behind the house."
    assert talk.say("Sorry, can you repeat that?") == "Behind the house."


def test_a_persona_without_answers_still_says_something() -> None:
    empty = Persona.model_validate(BASE)
    assert Talk(empty).say("anything") == empty.phrases.help
    assert Talk(empty).say("what can you do") == empty.greeting
    assert Scripted(empty).line([]) == empty.phrases.help


def test_an_interview_runs_through_its_questions_and_sums_up() -> None:
    talk = Talk(INTERVIEW)
    assert talk.say("Yes, I am ready.").endswith(FIRST)
    assert talk.say("It answers in constant time, usually.").endswith(SECOND)
    assert talk.say("I take a heap dump.").endswith("What do you read?")
    last = talk.say("Novels.")
    assert "You spoke about constant time and heap dump." in last
    assert talk.say("Okay.") == INTERVIEW.phrases.goodbye


def test_a_hint_is_given_once_for_an_answer_that_touches_nothing() -> None:
    talk = Talk(INTERVIEW)
    talk.say("Ready.")
    assert talk.say("I like it a lot.") == "Let me give you a hint. Think of look-ups."
    assert talk.say("Still no clue.").endswith(SECOND)


def test_giving_up_moves_on_and_a_hint_can_be_asked_for() -> None:
    talk = Talk(INTERVIEW)
    talk.say("Ready.")
    assert "hint" in talk.say("Can I have a hint please?")
    assert talk.say("I don't know.").endswith(SECOND)
    assert talk.say("No idea, skip it.").endswith("What do you read?")


def test_an_answer_with_a_stop_word_in_it_is_an_answer() -> None:
    talk = Talk(INTERVIEW)
    talk.say("Ready.")
    assert talk.say("Wait a moment, please.") == "Of course, take your time."
    assert talk.say("With collisions you wait.").endswith(SECOND)


def test_a_question_can_be_repeated() -> None:
    talk = Talk(INTERVIEW)
    asked = talk.say("Ready.")
    assert talk.say("Could you repeat the question?") == asked
    assert talk.say("It is about collisions.").endswith(SECOND)


def test_a_question_that_was_hardly_heard_is_asked_again() -> None:
    talk = Talk(INTERVIEW)
    begun = talk.say("Ready.", heard=30)  # "Great, let us begin. What is a"
    assert talk.say("Yes?") == begun
    assert talk.say("Constant time.").endswith(SECOND)


def test_an_interview_without_questions_does_not_fall_over() -> None:
    empty = Persona.model_validate(BASE | {"flow": "interview"})
    assert Talk(empty).say("Ready.") == empty.phrases.help


DESK = Persona.model_validate(
    BASE
    | {
        "tools": {"use": ["transfer", "take_message"], "targets": {"sales": "sip:200@pbx.test"}},
        "answers": [
            {
                "ask": ["Put me through to sales."], "say": "I put you through.",
                "tool": "transfer", "arguments": {"to": "sales"},
            },
            {
                "ask": ["I want to leave a message."], "say": "Please tell me your message.",
                "tool": "take_message",
            },
        ],
    }
)  # fmt: skip


async def desk_says(*messages: Message) -> tuple[str, list[ToolCall]]:
    pieces = [piece async for piece in Scripted(DESK).reply(messages)]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    return text, [piece for piece in pieces if isinstance(piece, ToolCall)]


async def test_an_answer_asks_for_its_tool_behind_its_words() -> None:
    text, calls = await desk_says(Message("user", "Please put me through to sales."))
    assert text == "I put you through."
    assert [(each.name, each.arguments) for each in calls] == [("transfer", '{"to": "sales"}')]


async def test_a_message_is_what_the_caller_says_next() -> None:
    asks = (Message("user", "I want to leave a message."),)
    assert await desk_says(*asks) == ("Please tell me your message.", [])
    said = (*asks, Message("assistant", "Please tell me your"), Message("user", "Buy milk."))
    text, (call,) = await desk_says(*said)
    assert not text and (call.name, call.arguments) == ("take_message", '{"message": "Buy milk."}')
    assert await desk_says(*said, Message("tool", NOTED)) == (DESK.phrases.noted, [])


async def test_what_a_tool_answers_is_said_as_far_as_it_is_words() -> None:
    for result, said in (
        ("It arrives on Monday.", "It arrives on Monday."),
        ('{"day":"Monday"}', DESK.phrases.done),
        (f"{FAILED}HTTP 503", DESK.phrases.trouble),
    ):
        assert await desk_says(Message("user", "x"), Message("tool", result)) == (said, [])
