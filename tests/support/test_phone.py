"""The caller's voice and ear against each other."""

from tests.support.phone import missing, silence, spoken, transcript
from tests.support.wire import PCMU


def test_what_is_spoken_over_the_telephone_is_understood() -> None:
    words = transcript(PCMU.decode(PCMU.encode(spoken("What time do you open tomorrow?"))))
    assert missing(words, ["what time", "open tomorrow"]) == []
    assert missing(words, ["credit card"]) == ["credit card"]


def test_silence_is_nothing() -> None:
    assert transcript(silence(2)) == ""


def test_numbers_match_however_they_are_written() -> None:
    assert missing("We open at 8 from Monday.", ["open at eight"]) == []
    assert missing("We open at 9 from Monday.", ["eight"]) == ["eight"]
