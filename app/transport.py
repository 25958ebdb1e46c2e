"""The transport under the httpx API: which HTTP client really opens the connections.

pyreqwest (Rust's reqwest and hyper) by measure: httpx's own pool leaks slots on cancellation and slows down with
concurrency, pyreqwest does neither and costs the least per call (FIELD-NOTES "The upstream client"; docs/architecture.md has
the comparison). Nothing outside this module knows of the choice.
"""

from datetime import timedelta
from pathlib import Path

import httpx
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport
from pyreqwest.proxy import ProxyBuilder

from app.settings import Upstream


def build_transport(settings: Upstream, user_agent: str) -> httpx.AsyncBaseTransport:
    """A transport without cookies, redirects, unpacking, retries or proxies of the environment.

    Args:
        settings: Time-outs, pool and trust.
        user_agent: The User-Agent that Dynamics sees.
    """
    return HttpxTransport(_client(settings, user_agent))


def _client(settings: Upstream, user_agent: str) -> Client:
    builder = (
        ClientBuilder()
        .user_agent(user_agent)
        .default_cookie_store(False)
        .follow_redirects(False)
        .referer(False)
        .gzip(False)
        .deflate(False)
        .brotli(False)
        .zstd(False)
        .http1_only()
        .max_connections(settings.connections)
        .pool_max_idle_per_host(settings.connections)
        .pool_idle_timeout(timedelta(seconds=settings.keep_alive))
        .pool_timeout(timedelta(seconds=settings.pool_timeout))
        .connect_timeout(timedelta(seconds=settings.connect_timeout))
        .read_timeout(timedelta(seconds=settings.read_timeout))
    )
    builder = builder.no_proxy() if settings.proxy is None else builder.proxy(ProxyBuilder.all(settings.proxy))
    if settings.ca_file is not None:
        builder = builder.add_root_certificate_pem(Path(settings.ca_file).read_bytes())
    return builder.build()
