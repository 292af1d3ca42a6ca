"""Our G.711 tables against sox, which has its own."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.g711 import CODECS, Codec
from tests.support.phone import write_wav

SOX_NAME = {"PCMU": "u-law", "PCMA": "a-law"}


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_decodes_every_code_as_sox_does(codec: Codec) -> None:
    raw = ["-t", "raw", "-r", "8000", "-c", "1"]
    sox = subprocess.run(
        ["sox", *raw, "-e", SOX_NAME[codec.name], "-", *raw, "-e", "signed", "-b", "16", "-"],
        input=bytes(range(256)),
        capture_output=True,
        check=True,
    )
    assert np.array_equal(np.frombuffer(sox.stdout, np.int16), codec.decoded)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_encodes_within_a_step_of_sox(codec: Codec, tmp_path: Path) -> None:
    pcm = np.arange(-32768, 32768, 7).astype(np.int16)
    wav = write_wav(tmp_path / "ramp.wav", pcm)
    raw = ["-t", "raw", "-r", "8000", "-c", "1", "-e", SOX_NAME[codec.name], "-"]
    sox = subprocess.run(["sox", "-D", str(wav), *raw], capture_output=True, check=True)
    wide = pcm.astype(np.int32)
    ours = np.abs(codec.decode(codec.encode(pcm)).astype(np.int32) - wide)
    theirs = np.abs(codec.decode(sox.stdout).astype(np.int32) - wide)
    # nearest code: never further off than anybody else's choice
    assert np.all(ours <= theirs)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_every_code_survives_decoding_and_encoding(codec: Codec) -> None:
    assert np.array_equal(codec.decode(codec.encode(codec.decoded)), codec.decoded)


def test_silence_is_the_code_telephones_send() -> None:
    assert {name: codec.silence for name, codec in CODECS.items()} == {"PCMU": 0xFF, "PCMA": 0xD5}
