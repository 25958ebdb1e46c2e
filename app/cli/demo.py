"""``evtmgmt-proxy demo``: a simulated organisation, the proxy and an old-style portal in one command.

This and ``app/cli/story.py`` are the only places where the product touches ``sandbox/``.
"""

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from rich.console import Console

from app.archive.draft import Draft
from app.archive.recorder import record
from app.main import create_app
from app.server import Server, server_config
from app.settings import GivenSettings
from sandbox.portal_server import PortalServer
from sandbox.server import Sandbox, SandboxThread
from translation.operations import OLD_BASES

OLD_EVENT = "Legacy_Roadshow"
"""The event that the simulated organisation did not create anew."""
CLIENT_TOKEN = "the-old-token-of-the-portal"  # noqa: S105 - what an old portal still sends; the proxy drops it


def run_demo(host: str, port: int) -> None:
    """Run until interrupted.

    Args:
        host: Address to listen on.
        port: Port of the portal; the proxy and the sandbox take the two that follow. 0 takes free ones.
    """
    with ExitStack() as running:
        listener = running.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port + 1 if port else 0))
        proxy_url = f"http://{host}:{listener.getsockname()[1]}"
        base = f"{proxy_url}/{OLD_BASES[0]}/"
        portal = running.enter_context(PortalServer(api_endpoint=base, token=CLIENT_TOKEN, host=host, port=port))
        sandbox = Sandbox(host=host, port=port + 2 if port else 0, realtime_origin=portal.url, outbound_origin=portal.url)
        sandbox.realtime.behaviour.return_url = f"{portal.url}/#/my-registrations"
        running.enter_context(SandboxThread(sandbox))
        realtime = {"endpoint": sandbox.realtime_endpoint, "token": sandbox.realtime_token, "origin": portal.url}
        archive = Path(running.enter_context(TemporaryDirectory())) / "archive.sqlite3"
        asyncio.run(record_old_event(sandbox, realtime, archive))
        settings = GivenSettings.model_validate(
            {
                "realtime": realtime,
                "archive": {"path": archive, "listed": "all"},
                # One event of the organisation has a form of its own: the old portal shows it through the bridge.
                "portal": {"public_url": proxy_url},
                "answers": {"registration_form": "bridge", **form_hosts(sandbox.base_url)},
                "log_level": "warning",
            }
        )
        _tell(portal.url, proxy_url, sandbox.base_url, base)
        Server(server_config(create_app(settings), settings.limits)).run(sockets=[listener])


async def record_old_event(sandbox: Sandbox, realtime: dict[str, str], archive: Path) -> None:
    """Record the one event that a simulated organisation did not create anew, with all its parts.

    Args:
        sandbox: The organisation; its old API answers still.
        realtime: The settings of its new one.
        archive: Where it goes.
    """
    old = {"endpoint": sandbox.outbound_endpoint, "token": sandbox.outbound_token, "origin": sandbox.outbound_origin}
    settings = GivenSettings.model_validate({"realtime": realtime, "outbound": old})
    assert settings.outbound is not None  # noqa: S101 - just set
    draft = Draft(archive, settings.outbound.endpoint)
    await record(settings, settings.outbound, draft, rate=1_000, events=[OLD_EVENT])
    draft.finish()


def form_hosts(organisation: str) -> dict[str, tuple[str, ...]]:
    """The settings that let forms come from a simulated organisation.

    Args:
        organisation: Its address.
    """
    host = urlsplit(organisation).netloc
    return {"form_loaders": (host,), "form_hosts": (host,)}


def _tell(portal: str, proxy: str, organisation: str, base: str) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print("\n[bold]evtmgmt-proxy demo[/bold] - nothing here leaves this machine. Stop with Ctrl+C.\n")
    console.print(f"  Portal        {portal}/          an old-style portal: open it in a browser")
    console.print(f"  Proxy         {proxy}/docs      the old API, described")
    console.print(f"  Organisation  {organisation}/          a simulated real-time journeys organisation\n")
    console.print("A tour with curl:", style="bold")
    for what, command in (
        ("The published events, as an old portal asks for them", f"curl '{base}events/published?emApplicationtoken=old'"),
        ("One event, in any letter case and with a doubled slash", f"curl '{base}/Events/Contoso_Open_Day/'"),
        (
            "Sign-in has no counterpart: a sentence for the visitor",
            f"curl -i -H 'Accept-Language: de' '{base}users/authenticated'",
        ),
        (
            "Register somebody",
            f"curl -H 'Content-Type: application/json' '{base}events/Contoso_Open_Day/registrations' -d "
            '\'{"attendees":[{"firstName":"Ann","lastName":"Example","email":"ann@example.com","passId":""}]}\'',
        ),
        (
            "A form of real-time journeys, written anew for the old portal (open it there: Webinar With a Form)",
            f"curl -s '{base}events/Form_Webinar' | grep -o '\"registrationForm\":.*</script>'",
        ),
        (
            "An event that was not created anew lives on in the archive, and takes no registrations",
            f"curl -s '{base}events/{OLD_EVENT}' | grep -o '\"stopRegistrationDate\":[^,]*'",
        ),
        ("What was counted", f"curl -s '{proxy}/metrics' | grep evtmgmt_requests_total"),
    ):
        console.print(f"\n  # {what}\n  {command}", markup=False)
    console.print()
