"""One portal as it runs."""

from dataclasses import dataclass

from app.gateway import Gateway
from app.hosting.life import Life
from app.readiness import Readiness
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal, put together.

    Attributes:
        settings: What it was made of.
        gateway: Answers its requests.
        readiness: Whether Dynamics takes its tokens.
        life: Its parts: they start, run and are let go of with it.
    """

    settings: Settings
    gateway: Gateway
    readiness: Readiness
    life: Life
