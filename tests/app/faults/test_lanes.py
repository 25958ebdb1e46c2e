"""Which kind of calls an operation makes."""

from app.faults.lanes import Lane, lane_of
from translation.operations import OPERATIONS


def test_everything_that_writes_is_as_dear_as_a_registration() -> None:
    for operation in OPERATIONS:
        assert (lane_of(operation) is Lane.REGISTRATIONS) == operation.writes
    images = {operation.name for operation in OPERATIONS if lane_of(operation) is Lane.IMAGES}
    assert {"get_speaker_image", "get_sponsor_logo"} <= images
