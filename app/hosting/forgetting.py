"""What a generation leaves behind in libraries, in the collector and in the C library, taken away once it is gone."""

import ctypes
import gc
from collections.abc import Callable

from fastapi.dependencies import models


def forget_the_gone() -> None:
    """Free what served before. Takes 10 to 40 ms of the loop, once for each reload.

    FastAPI remembers of 4,096 handlers what kind of function each is. A handler holds what it answers from, so each generation
    with a console would stay whole, and some 120 of them would be kept. What is still in use is looked at anew, once.
    What served before is full of cycles, and the collector hardly ever runs by itself (``app/cli/serving.py``). And the C
    library keeps what was freed in the middle of its memory: a reload leaves holes that nothing else is as large as.
    """
    for found in vars(models).values():
        if hasattr(found, "cache_clear"):
            found.cache_clear()
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


def _trim() -> Callable[[int], int] | None:
    """The ``malloc_trim`` of glibc; other C libraries have none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
