"""Where a Coqui model comes from, and how it is loaded on a machine without torchaudio."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from bot.errors import StartError
from bot.speech_settings import COQUI_LIST

Device = Literal["auto", "cpu", "cuda"]

COQUI_LIST_SLASHES = 3  # tts_models/LANGUAGE/DATA/MODEL
NOT_INSTALLED = "Coqui is not installed. Run: make coqui (or: pip install '.[coqui]')."
# Coqui insists on finding both. Neither is used to speak, only to read recordings: torchaudio of
# the package index wants a graphics card's libraries, torchcodec wants FFmpeg's.
STAND_INS = ("torchaudio", "torchcodec")
LOGGERS = ("TTS", "trainer")
FAULTS = (
    AssertionError, AttributeError, EOFError, ImportError, LookupError, OSError, RuntimeError,
    TypeError, ValueError, pickle.UnpicklingError,
)  # fmt: skip


def is_named(model: str) -> bool:
    """Is it of Coqui's list, "tts_models/LANGUAGE/DATA/MODEL", rather than a path?"""
    return model.startswith(COQUI_LIST)


def load_model(model: str, config: str = "", *, device: Device = "auto", threads: int = 1) -> Any:
    """Coqui's TTS object for a model of its list or a checkpoint with its config.

    Takes seconds; a model of the list is fetched when it is not stored here. Raises StartError
    with the remedy.
    """
    files = {} if is_named(model) else _files(model, config)
    for name in LOGGERS:  # they tell what is to be said, also as a warning
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with standing_in():
        try:
            import torch
            from TTS.api import TTS
        except ModuleNotFoundError as error:
            raise StartError(f"{NOT_INSTALLED} No module {error.name!r}.") from None
        except (ImportError, OSError) as error:
            what = str(error).strip().partition("\n")[0]
            raise StartError(f"Coqui does not start here ({what}). Run: make coqui") from None
        torch.set_num_threads(threads)
        where = device_for(device, bool(torch.cuda.is_available()))
        try:
            if files:
                return TTS(**files, progress_bar=False).to(where)
            return TTS(model, progress_bar=False).to(where)
        except FAULTS as error:
            raise _not_loaded(model, error) from None


def _files(model: str, config: str) -> dict[str, str]:
    """Raises StartError when the checkpoint or its config is not there."""
    if not config:
        raise StartError(
            f"coqui.config is empty, and coqui.model is the path {model!r}. "
            "Name the config.json that belongs to it, or a model such as tts_models/en/vctk/vits."
        )
    found = {"model_path": model, "config_path": config}
    for key, path in (("coqui.model", model), ("coqui.config", config)):
        if not Path(path).is_file():
            raise StartError(f"{path}: no such file. Mend {key} or put the file there.")
    return found


def device_for(wanted: Device, card: bool) -> str:
    """Where to compute, "cpu" or "cuda". Raises StartError for a card that is not there."""
    if wanted == "cuda" and not card:
        raise StartError(
            'speech.device is "cuda", and torch finds no graphics card. '
            'Set it to "auto" or "cpu", or run make coqui anew on a machine that has one.'
        )
    return "cuda" if card and wanted != "cpu" else "cpu"


def _not_loaded(model: str, error: Exception) -> StartError:
    why = type(error).__name__
    if not is_named(model):
        why = f"{why}: {str(error).strip().splitlines()[0][:200]}" if str(error).strip() else why
        text = f"{model}: not a Coqui model ({why})."
        return StartError(f"{text} Mend coqui.model and coqui.config: they belong together.")
    if isinstance(error, KeyError) or model.count("/") != COQUI_LIST_SLASHES:
        return StartError(f"coqui.model: Coqui's list has no {model!r}. See: tts --list_models")
    from trainer.io import get_user_data_dir

    stored = get_user_data_dir("tts") / model.replace("/", "--")
    return StartError(
        f"coqui.model: {model!r} is neither stored in {stored} nor could it be fetched ({why}). "
        "Copy that folder from a machine with internet, or name a checkpoint and coqui.config."
    )


@contextmanager
def standing_in() -> Iterator[None]:
    """While this lasts, empty modules stand where Coqui wants one that cannot be imported."""
    missing = [name for name in STAND_INS if not _importable(name)]
    for name in missing:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)


def _importable(name: str) -> bool:
    try:
        import_module(name)
    except (ImportError, OSError, RuntimeError):
        return False
    return True
