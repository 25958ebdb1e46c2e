"""A loop whose time stands still while there is something to do, and jumps to the next timer when there is not."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop with a time of its own: instead of sleeping it jumps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        super().__init__(JumpingSelector(self))

    def time(self) -> float:
        return self.now


class JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "all wait for something that never comes"
        self._loop.now += max(0, timeout)
        return super().select(0)


def jump(test: Callable[[JumpingLoop], Awaitable[None]]) -> None:
    """Run a test in a jumping loop; it must leave no timer behind."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, JumpingLoop)

        async def run() -> None:
            await test(loop)
            assert [timer for timer in loop._scheduled if not timer.cancelled()] == []  # type: ignore[attr-defined]

        runner.run(run())
