"""`python -m sandbox`: the sandbox alone, until it is interrupted or terminated."""

import argparse
import asyncio
import signal
import sys

from sandbox.server import ORIGIN, Sandbox


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="Simulates both events APIs of Dynamics 365.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--public-url", help="how browsers reach it, e.g. http://localhost:9000")
    parser.add_argument("--origin", default=ORIGIN, help="origin registered with both tokens (default: %(default)s)")
    parser.add_argument("--realtime-token", help="web application token of the real-time organisation")
    parser.add_argument("--outbound-token", help="web application token of the outbound organisation")
    return parser.parse_args(words)


async def _serve(arguments: argparse.Namespace) -> None:
    tokens = {name: value for name in ("realtime_token", "outbound_token") if (value := getattr(arguments, name)) is not None}
    origin = arguments.origin
    sandbox = Sandbox(
        host=arguments.host,
        port=arguments.port,
        public_url=arguments.public_url,
        realtime_origin=origin,
        outbound_origin=origin,
        **tokens,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with sandbox:
        lines = (
            ("real-time endpoint", sandbox.realtime_endpoint),
            ("real-time token", sandbox.realtime_token),
            ("outbound endpoint", sandbox.outbound_endpoint),
            ("outbound token", sandbox.outbound_token),
            ("origin", origin),
            ("control", sandbox.control_url),
        )
        sys.stdout.writelines(f"{name:<20}{value}\n" for name, value in lines)
        sys.stdout.flush()
        await stop.wait()


def main(words: list[str] | None = None) -> None:
    """Run the sandbox with these command-line words (default: those of the process)."""
    asyncio.run(_serve(_arguments(words)))


if __name__ == "__main__":
    main()
