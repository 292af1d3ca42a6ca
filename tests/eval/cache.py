"""What is slow to make is made once and kept in var/eval: rendered clips and transcripts.

Each file is named by a hash of all that it was made from, so a changed text, voice or clip is a
new file, and removing the folder is always safe.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parents[2] / "var" / "eval"
Pcm = NDArray[np.int16]


def key_of(*parts: object) -> str:
    """A short name for what `parts` (text, numbers, bytes) lead to."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:24]


def kept_clip(key: str, make: Callable[[], Pcm]) -> Pcm:
    """int16 of shape (n,), from the cache or made now."""
    path = FOLDER / "clips" / f"{key}.pcm"
    if path.exists():
        return np.frombuffer(path.read_bytes(), np.int16)
    pcm = make()
    _write(path, pcm.tobytes())
    return pcm


def kept_text(key: str, make: Callable[[], str]) -> str:
    """A transcript, from the cache or made now."""
    path = FOLDER / "words" / f"{key}.txt"
    if path.exists():
        return path.read_text("utf-8")
    text = make()
    _write(path, text.encode())
    return text


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: several processes may make the same file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
