"""The conversation's states, and every way from one to another.

WAIT_FOR_USER        the caller has the floor; the bot listens
VALIDATING_UTTERANCE the caller's turn ended; one transcription is on its way
PROCESSING_USER      the words are complete; the model writes, nothing is heard yet
AI_SPEAKING          the bot is heard, or has paused because the caller may be interrupting

Rules:
1. A reply is heard in AI_SPEAKING only, and barge-in is armed there only. Short fillers ("One
   moment.") may be heard while a reply is being prepared; they do not change the state.
2. One transcription per finished turn: VALIDATING_UTTERANCE is entered with exactly one.
3. Speech goes on being collected in every state; nothing the caller says is lost.
4. What is not in TRANSITIONS does not happen: `Conversation.enter` refuses it.

The table in bot/README.md is drawn from TRANSITIONS by a test.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    WAIT_FOR_USER = "WAIT_FOR_USER"
    VALIDATING_UTTERANCE = "VALIDATING_UTTERANCE"
    PROCESSING_USER = "PROCESSING_USER"
    AI_SPEAKING = "AI_SPEAKING"


TRANSITIONS: dict[tuple[State, State], str] = {
    (State.WAIT_FOR_USER, State.VALIDATING_UTTERANCE): "the caller's turn ended",
    (State.WAIT_FOR_USER, State.PROCESSING_USER): "keys were pressed, a held turn is answered "
    "as it stands, the bot leads, or the caller is put through",
    (State.WAIT_FOR_USER, State.AI_SPEAKING): "greeting, reprompt or goodbye",
    (State.VALIDATING_UTTERANCE, State.WAIT_FOR_USER): "nothing was said, the sentence is "
    "unfinished, or the caller goes on",
    (State.VALIDATING_UTTERANCE, State.PROCESSING_USER): "the words are complete",
    (State.VALIDATING_UTTERANCE, State.AI_SPEAKING): "request to repeat, or goodbye",
    (State.PROCESSING_USER, State.WAIT_FOR_USER): "the caller goes on before the reply",
    (State.PROCESSING_USER, State.AI_SPEAKING): "first audio of the reply, or a goodbye",
    (State.AI_SPEAKING, State.WAIT_FOR_USER): "the reply ended or was interrupted",
}


def table() -> str:
    """TRANSITIONS as a Markdown table."""
    rows = [f"| `{start}` | `{end}` | {why} |" for (start, end), why in TRANSITIONS.items()]
    return "\n".join(["| from | to | when |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
