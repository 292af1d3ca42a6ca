"""baresip, a telephone of somebody else's making, talks with the clinic's reception."""

from pathlib import Path

from tests.support.baresip import baresip_call
from tests.support.bot_process import BotProcess
from tests.support.phone import missing, spoken_wav, transcript

GREETING_S = 7.0  # the question waits until the greeting is over


def test_baresip_hears_the_opening_hours(bot: BotProcess, tmp_path: Path) -> None:
    question = spoken_wav(
        "What time do you open tomorrow?", tmp_path / "question.wav", lead_s=GREETING_S, tail_s=12
    )
    uri = f"sip:1000@{bot.sip[0]}:{bot.sip[1]}"
    call = baresip_call(uri, question, tmp_path / "baresip", seconds=GREETING_S + 9)
    assert call.established, call.output
    assert len(call.heard) > 10 * 8000, "it recorded the call"
    heard = transcript(call.heard)
    assert missing(heard, ["open", "eight"]) == [], heard
