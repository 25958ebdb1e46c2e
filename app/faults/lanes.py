"""The three kinds of calls that must not suffer for each other."""

from enum import StrEnum

from translation.operations import Answer, Operation


class Lane(StrEnum):
    """What has a breaker and places of its own, the dearest first."""

    REGISTRATIONS = "registrations"
    READS = "reads"
    IMAGES = "images"


def lane_of(operation: Operation) -> Lane:
    """The kind of an operation's calls: all that writes is a registration, or as dear as one."""
    if operation.writes:
        return Lane.REGISTRATIONS
    return Lane.IMAGES if operation.answer is Answer.IMAGE else Lane.READS
