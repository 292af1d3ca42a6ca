"""What the extra brings along, where it is installed."""

from __future__ import annotations

from tests.test_docs import README, section_of, untold


def test_every_package_with_conditions_stands_in_the_licence_table() -> None:
    told = section_of(README, "Licences")
    assert not untold("requirements-coqui.lock", told)
    assert untold("requirements-coqui.lock", "") == ["coqui-tts", "num2words"]
