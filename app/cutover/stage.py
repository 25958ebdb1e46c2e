"""The stages of the cutover. By itself, so that the command line can name them without what reads settings."""

from enum import StrEnum


class Stage(StrEnum):
    """How far an organisation has come. The order is that of the migration."""

    OUTBOUND = "outbound"
    SHADOW = "shadow"
    SPLIT = "split"
    REALTIME = "realtime"
