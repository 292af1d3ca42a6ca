"""Lost packets as a SIP call conceals them: pjmedia's own concealment, called by its C names.

The wheel exports the functions its G.711 decoder uses; what they put in place of a lost frame is
what the bot hears in a call.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tests.eval.cache import Pcm

CACHING_POOL_BYTES = 8192  # more than the struct needs; its size is not exported
POOL_BYTES = 16_000


@cache
def _library() -> ctypes.CDLL:
    spec = find_spec("pjsua2")
    assert spec is not None, "pjsua2 is not installed"
    assert spec.origin is not None, "pjsua2 is not a package"
    (path,) = Path(spec.origin).parent.glob("_pjsua2*.so")
    library = ctypes.CDLL(str(path))
    assert library.pj_init() == 0, "pj_init failed"
    return library


@cache
def _factory() -> ctypes.Array[ctypes.c_char]:
    factory = ctypes.create_string_buffer(CACHING_POOL_BYTES)
    policy = ctypes.c_void_p.in_dll(_library(), "pj_pool_factory_default_policy")
    _library().pj_caching_pool_init(factory, ctypes.byref(policy), ctypes.c_size_t(0))
    return factory


class Concealer:
    """One direction of one call; frames of 20 ms in order, None for a lost one."""

    def __init__(self, rate_hz: int) -> None:
        library = _library()
        library.pj_pool_create.restype = ctypes.c_void_p
        size = ctypes.c_size_t(POOL_BYTES)
        pool = library.pj_pool_create(_factory(), b"plc", size, size, None)
        self._plc = ctypes.c_void_p()
        self._samples = rate_hz // 50
        made = library.pjmedia_plc_create(
            ctypes.c_void_p(pool), rate_hz, self._samples, 0, ctypes.byref(self._plc)
        )
        assert made == 0, "pjmedia_plc_create failed"

    def heard(self, frame: Pcm | None) -> Pcm:
        """What the bot hears of it, a few milliseconds late."""
        out = np.zeros(self._samples, np.int16) if frame is None else frame.copy()
        pointer = ctypes.c_void_p(out.ctypes.data)
        if frame is None:
            _library().pjmedia_plc_generate(self._plc, pointer)
        else:
            _library().pjmedia_plc_save(self._plc, pointer)
        return out
