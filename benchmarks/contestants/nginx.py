"""nginx: passing each call on, and answering from its own cache. The upstream of all contestants is an nginx as well."""

import os
from typing import Final

from benchmarks.contestants.case import Site
from benchmarks.material import NEW_BASE, OLD_BASE, ORIGIN, SERVER_TOKEN
from benchmarks.processes import HOST, Launch

_ANSWER: Final = f"""
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Origin "{ORIGIN}";
            add_header Access-Control-Allow-Origin "{ORIGIN}";
            add_header Vary Origin;"""


def nginx_launch(http: str) -> Launch:
    """One nginx with one worker and no access log.

    Args:
        http: What stands in the ``http`` block beside what all have in common.
    """
    # A worker that gives up being root may not read a folder that only root may enter.
    user = "user root;" if os.geteuid() == 0 else ""
    config = f"""{user}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 100000000;
    keepalive_timeout 300s;
    tcp_nodelay on;
{http}
}}
"""
    return Launch(("nginx", "-p", ".", "-e", "stderr", "-c", "nginx.conf"), {"nginx.conf": config})


def _http(site: Site, more_http: str = "", more_location: str = "") -> str:
    return f"""
    map $args $others {{
        default $args;
        "~^(?<before>.*?)&?emApplicationtoken=[^&]*(?<after>.*)$" "$before$after";
    }}
    upstream organisation {{
        server {HOST}:{site.upstream};
        keepalive 300;
        keepalive_requests 100000000;
        keepalive_timeout 300s;
    }}
    {more_http}
    server {{
        listen {HOST}:{site.port} backlog=4096;
        location {OLD_BASE} {{
            rewrite ^{OLD_BASE}(?<operation>.*)$ {NEW_BASE}$operation?emApplicationtoken={SERVER_TOKEN}&$others? break;
            proxy_pass http://organisation;{_ANSWER}{more_location}
        }}
    }}"""


def passing(site: Site) -> Launch:
    """Each call becomes a call upstream."""
    return nginx_launch(_http(site))


def caching(site: Site) -> Launch:
    """``proxy_cache`` in front of the same."""
    return nginx_launch(
        _http(
            site,
            "proxy_cache_path cache keys_zone=answers:4m;",
            """
            proxy_cache answers;
            proxy_cache_key $uri;
            proxy_cache_valid 200 1h;""",
        )
    )
