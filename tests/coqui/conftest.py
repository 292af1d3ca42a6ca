"""What the tests of Coqui share. They need its extra: `make test-coqui` runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.coqui.tiny_vits import TinyVits, make_tiny_vits
from tests.workers.speech_process import SpeechProcess, speech_process


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyVits:
    return make_tiny_vits(tmp_path_factory.mktemp("vits"))


@pytest.fixture(scope="session")
def worker(tiny: TinyVits, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechProcess]:
    """A speech worker with Coqui beside Piper."""
    with speech_process(tmp_path_factory.mktemp("speech") / "s.sock", coqui=tiny.section) as it:
        yield it
