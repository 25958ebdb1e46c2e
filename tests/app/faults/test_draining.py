"""The end of a process, step by step."""

import asyncio

import pytest

from app.faults.draining import Draining


def test_it_only_goes_forward() -> None:
    draining = Draining()
    assert (draining.leaving, draining.closed) == (False, False)
    draining.leave()
    assert (draining.leaving, draining.closed) == (True, False)
    draining.close()
    draining.leave()
    assert (draining.leaving, draining.closed) == (True, True)


def test_registrations_are_counted_however_they_end() -> None:
    draining = Draining()
    with draining.writing(), draining.writing():
        assert draining.writes == 2
    with pytest.raises(KeyError), draining.writing():
        raise KeyError
    assert draining.writes == 0


@pytest.mark.anyio
async def test_who_is_cut_off_goes_on_and_who_is_cancelled_otherwise_is() -> None:
    draining, told = Draining(), list[bool]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append(draining.cuts_off())
            if not told[-1]:
                raise
            await asyncio.sleep(0)  # it is no more cancelled than any other
            async with asyncio.timeout(10):
                await asyncio.sleep(0)

    for closed in (False, True):
        if closed:
            draining.close()
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled() is not closed
    assert told == [False, True]
    assert not draining.cuts_off()
