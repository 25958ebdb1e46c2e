"""Other servers in front of the upstream, each configured as its manual says: HAProxy, Caddy, Varnish."""

from benchmarks.contestants.case import Site
from benchmarks.material import NEW_BASE, OLD_BASE, ORIGIN, SERVER_TOKEN
from benchmarks.processes import HOME, HOST, Launch


def haproxy(site: Site) -> Launch:
    """HAProxy with one thread."""
    old = f"^{OLD_BASE}([^?]*)[?](.*)emApplicationtoken=[^&]*(.*)$"
    new = f"{NEW_BASE}\\1?\\2emApplicationtoken={SERVER_TOKEN}\\3"
    config = f"""global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend portal
    bind {HOST}:{site.port} backlog 4096
    http-request replace-uri {old} {new}
    http-request set-header Origin {ORIGIN}
    http-response set-header Access-Control-Allow-Origin {ORIGIN}
    http-response set-header Vary Origin
    default_backend organisation
backend organisation
    server one {HOST}:{site.upstream} pool-max-conn -1
"""
    return Launch(("haproxy", "-db", "-f", "haproxy.cfg"), {"haproxy.cfg": config})


def caddy(site: Site) -> Launch:
    """Caddy; a pinned Go program runs on one thread at a time."""
    config = f"""{{
    admin off
    auto_https off
}}
http://{HOST}:{site.port} {{
    bind {HOST}
    map {{query}} {{others}} {{
        ~^(.*?)&?emApplicationtoken=[^&]*(.*)$ "${{1}}${{2}}"
        default {{query}}
    }}
    header Access-Control-Allow-Origin {ORIGIN}
    header Vary Origin
    route {{
        uri strip_prefix {OLD_BASE.rstrip("/")}
        rewrite * {NEW_BASE.rstrip("/")}{{path}}?emApplicationtoken={SERVER_TOKEN}&{{others}}
        reverse_proxy {HOST}:{site.upstream} {{
            header_up Origin {ORIGIN}
            transport http {{
                keepalive_idle_conns_per_host 512
            }}
        }}
    }}
}}
"""
    return Launch(
        ("caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"),
        {"Caddyfile": config},
        {"XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data"},
    )


def varnish(site: Site) -> Launch:
    """Varnish with its cache in memory."""
    config = f"""vcl 4.1;
backend default {{ .host = "{HOST}"; .port = "{site.upstream}"; }}
sub vcl_recv {{
    set req.url = regsub(req.url, "^{OLD_BASE}([^?]*).*$", "{NEW_BASE}\\1?emApplicationtoken={SERVER_TOKEN}");
    set req.http.Origin = "{ORIGIN}";
    return (hash);
}}
sub vcl_backend_response {{
    set beresp.ttl = 1h;
    return (deliver);
}}
sub vcl_deliver {{
    set resp.http.Access-Control-Allow-Origin = "{ORIGIN}";
    set resp.http.Vary = "Origin";
}}
"""
    command = ("varnishd", "-F", "-j", "none", "-n", f"{HOME}/work", "-a", f"{HOST}:{site.port}", "-f", f"{HOME}/portal.vcl")
    return Launch((*command, "-s", "malloc,64m", "-p", "thread_pools=1"), {"portal.vcl": config})
