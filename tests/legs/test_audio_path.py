"""The promises about telephone audio, measured through the real bridge and the real FIR."""

import pytest

from tests.support.audio_path import measure_audio_path


@pytest.mark.parametrize("fast", [True, False])
def test_telephone_audio_crosses_unharmed(fast):
    """By the pointers, and by the slow way that is taken where they do not hold."""
    figures = measure_audio_path(fast=fast)
    assert figures["level_error_db"]["1000"] <= 0.2
    assert figures["level_error_db"]["3100"] <= 0.2
    assert figures["alias_db"] <= -60
    assert figures["delay_ms"] <= 15
