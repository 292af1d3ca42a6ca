"""The promises about telephone audio, measured through the real bridge and the real FIR."""

from tests.support.audio_path import measure_audio_path


def test_telephone_audio_crosses_unharmed():
    figures = measure_audio_path()
    assert figures["level_error_db"]["1000"] <= 0.2
    assert figures["level_error_db"]["3100"] <= 0.2
    assert figures["alias_db"] <= -60
    assert figures["delay_ms"] <= 15
