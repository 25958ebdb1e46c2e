"""What a generation leaves behind in libraries, taken away once it is gone."""

import gc

from fastapi.dependencies import models


def forget_the_gone() -> None:
    """Free what served before.

    FastAPI remembers of 4,096 handlers what kind of function each is. A handler holds what it answers from, so each generation
    with a console would stay whole, and some 120 of them would be kept. What is still in use is looked at anew, once.
    What served before is full of cycles, and the collector hardly ever runs by itself (``app/cli/serving.py``).
    """
    for found in vars(models).values():
        if hasattr(found, "cache_clear"):
            found.cache_clear()
    gc.collect()
