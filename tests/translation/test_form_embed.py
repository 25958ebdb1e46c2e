"""Embeds as they were seen, as they may be, and as somebody hostile would write them."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translation.form_embed import MAX_ADDRESS_LENGTH, MAX_EMBED_LENGTH, Bridge, Bridged, bridge_form, host_pattern

SCRIPT = "https://proxy.example.com/EvtMgmt/bridge/0123456789abcdef.js"
BRIDGE = Bridge(
    SCRIPT,
    (host_pattern("formui-*.mkt.dynamics.com"), host_pattern("cdn.example.net"), host_pattern("127.0.0.1:9000")),
    (host_pattern("*.mkt.dynamics.com"), host_pattern("127.0.0.1:9000"), host_pattern("198.51.100.7")),
)
FORM = "76438228-4767-f011-bec2-00224809e97b"
API = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/14e7/eventmanagement"
CONTENT = f"https://assets-eur.mkt.dynamics.com/14e7/digitalassets/forms/{FORM}"
LOADER = "https://formui-usa1.mkt.dynamics.com/eur/FormLoader/FormLoader.bundle.js"
EVENT = "Contoso_Open_Day"


def embed(form: str = FORM, api: str = API, content: str = CONTENT, loader: str = LOADER, more: str = "") -> str:
    placeholder = f"<div data-form-id='{form}' data-form-api-url='{api}' data-cached-form-url='{content}'{more}></div>"
    return f"{placeholder}<script src='{loader}'></script>"


def attributes(bridged: Bridged) -> dict[str, str]:
    """The values of the placeholder, after a look at the form of the whole."""
    assert bridged.html is not None
    found = re.fullmatch(r'<div((?: data-evtmgmt-[a-z]+="[^"<>]*")+)></div><script src="([^"<>]*)"></script>', bridged.html)
    assert found is not None
    assert found[2] == SCRIPT
    return dict(re.findall(r'data-evtmgmt-([a-z]+)="([^"]*)"', found[1]))


WHOLE = {"form": FORM, "api": API, "content": CONTENT, "loader": LOADER, "event": EVENT}


def test_an_embed_is_written_anew() -> None:
    bridged = bridge_form(embed(), EVENT, BRIDGE)
    assert attributes(bridged) == WHOLE
    assert not bridged.trimmed


@pytest.mark.parametrize(
    "text",
    [
        embed().replace("'", '"'),
        embed().replace("'", ""),
        embed().replace("div", "DIV").replace("script", "SCRIPT").replace("data-", "DATA-").replace("https", "HTTPS"),
        f"\n <p>\n{embed()}<br></p>",
        f"<!-- <script src='https://evil.invalid/x.js'></script> -->{embed()}",
        embed(form=f" {FORM.upper()} "),
        embed(loader=LOADER.removeprefix("https:")),
        embed(loader=LOADER.replace(".com/", ".com:443/").replace("formui", "FORMUI")),
        embed().replace("></div>", " class=x data-form-id='other' id=y></div>"),
        embed().removesuffix("</script>"),
        embed().replace("https:", "https&#58;"),
    ],
)
def test_markup_is_read_as_tolerantly_as_browsers_do(text: str) -> None:
    bridged = bridge_form(text, EVENT, BRIDGE)
    assert attributes(bridged) == WHOLE
    assert not bridged.trimmed


def test_the_embeds_own_event_wins_and_an_id_that_is_none_is_left_out() -> None:
    assert attributes(bridge_form(embed(more=" data-readable-event-id='Other_Day'"), EVENT, BRIDGE))["event"] == "Other_Day"
    assert attributes(bridge_form(embed(), "東京 <&> 会議", BRIDGE))["event"] == "東京 &lt;&amp;&gt; 会議"
    assert "event" not in attributes(bridge_form(embed(), None, BRIDGE))
    assert "event" not in attributes(bridge_form(embed(), "a/b", BRIDGE))


def test_addresses_keep_path_and_query() -> None:
    content = f"{CONTENT}?v=1&amp;x=%20~(!)"
    assert attributes(bridge_form(embed(content=content), EVENT, BRIDGE))["content"] == content
    local = bridge_form(
        embed(api="http://127.0.0.1:9000/a", content="http://127.0.0.1:9000/b", loader="http://127.0.0.1:9000/c"), None, BRIDGE
    )
    assert attributes(local)["loader"] == "http://127.0.0.1:9000/c"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no markup",
        "<div data-form-block-id='x'></div><script src='https://mktdplp102cdn.azureedge.net/public/latest/js/form-loader.js'></script>",
        f"<iframe src='{CONTENT}'></iframe>",
        f"<div></div><script src='{LOADER}'></script>",
        embed().partition("<script")[0],
        embed() + embed(),
        embed(form="7"),
        embed(api=""),
        embed(api="/api"),
        embed(content="https://assets-eur.mkt.dynamics.com.evil.invalid/x"),
        embed(content="https://evil.invalid/x"),
        embed(content="https://a.b.mkt.dynamics.com/x"),
        embed(content=f"{CONTENT}#x"),
        embed(api="http://198.51.100.7/api"),
        embed(loader="https://evil.invalid/FormLoader.bundle.js"),
        embed(loader="https://evil.invalid@formui-eur.mkt.dynamics.com/x.js"),
        embed(loader="https://formui-eur.mkt.dynamics.com:8443/x.js"),
        embed(loader="https://formui-eur.mkt.dynamics.com\\@evil.invalid/x.js"),
        embed(loader="http://formui-eur.mkt.dynamics.com/x.js"),
        embed(loader="//evil.invalid/x.js"),
        embed(loader="javascript:alert(1)"),
        embed(loader="data:text/javascript,alert(1)"),
        embed(loader=""),
        embed() + "<script src='https://cdn.example.net/another.js'></script>",
        embed(content=CONTENT + "/x" * MAX_ADDRESS_LENGTH),
        embed() + " " * MAX_EMBED_LENGTH,
    ],
)
def test_what_is_not_understood_is_no_form(text: str) -> None:
    assert bridge_form(text, EVENT, BRIDGE) == Bridged(None)


@pytest.mark.parametrize(
    "more",
    [
        "<script>alert(1)</script>",
        "<script src='https://evil.invalid/x.js'></script>",
        "<img src=x onerror=alert(1)>",
        "<style>*{display:none}</style>",
        "<a href='javascript:alert(1)'>x</a>",
    ],
)
def test_what_stands_beside_is_left_out_and_told(more: str) -> None:
    for text in (embed() + more, more + embed()):
        bridged = bridge_form(text, EVENT, BRIDGE)
        assert attributes(bridged) == WHOLE
        assert bridged.trimmed


class Tags(HTMLParser):
    """What a browser would make of the output: tags with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


PIECES = st.sampled_from(
    [
        "<script>", "</script>", "<script src=", "onerror=", "onclick='x'", '"', "'", ">", "<", "</div>", "<img ",
        "<svg/onload=x>", " ", "&quot;", "&#39;", "&lt;", "javascript:", "data-form-id=", "data-evtmgmt-loader=", LOADER,
        API, CONTENT, FORM, "\x00", "\n", "<!--", "-->", "]]>", "https://evil.invalid/x.js", "//evil.invalid", "@", "\\",
        "formui-.mkt.dynamics.com", "\u2028",
    ]
)  # fmt: skip
NOISE = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


@settings(max_examples=60)
@given(NOISE, NOISE, NOISE, NOISE, NOISE, NOISE, NOISE, st.none() | NOISE)
def test_no_embed_brings_in_a_script_or_a_handler(
    before: str, form: str, api: str, content: str, loader: str, after: str, more: str, event: str | None
) -> None:
    values = [f"{FORM}{form}", f"{API}{api}", f"{CONTENT}{content}", f"{LOADER}{loader}"]
    for quote in "'\"":
        chosen = [value.replace(quote, "") if quote in after else value for value in values]
        text = before + embed(*chosen, more=more).replace("'", quote) + after
        html = bridge_form(text, event, BRIDGE).html
        if html is None:
            continue
        seen = Tags(html)
        (div, given_), (script, of_script) = seen.tags
        assert (div, script, of_script, seen.text) == ("div", "script", {"src": SCRIPT}, "")
        assert given_.keys() <= {f"data-evtmgmt-{name}" for name in WHOLE}
        assert all(given_[f"data-evtmgmt-{name}"].startswith("https://") for name in ("api", "content", "loader"))  # type: ignore[union-attr]
        assert "evil.invalid" not in re.sub(r"/\S*", "", given_["data-evtmgmt-loader"][8:])  # type: ignore[index]


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        (
            "Formui-*.mkt.dynamics.com ",
            ["formui-eur.mkt.dynamics.com", "formui-usa-1.mkt.dynamics.com"],
            ["formui-.mkt.dynamics.com"],
        ),
        (
            "*.mkt.dynamics.com",
            ["assets-eur.mkt.dynamics.com"],
            ["mkt.dynamics.com", "a.b.mkt.dynamics.com", "xmktxdynamics.com"],
        ),
        ("localhost:9000", ["localhost:9000"], ["localhost", "localhost:90001"]),
    ],
)
def test_patterns_of_hosts(pattern: str, fits: list[str], fails: list[str]) -> None:
    matcher = host_pattern(pattern)
    assert all(matcher.fullmatch(host) for host in fits)
    assert not any(matcher.fullmatch(host) for host in fails)


@pytest.mark.parametrize(
    "pattern", ["", "*", "*.com", "a.*.com", "*.azureedge.net*", "https://x.com", "x.com/y", "-x.com", "x..com", "a b", "x:port"]
)
def test_patterns_that_are_too_wide_or_none(pattern: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(pattern))):
        host_pattern(pattern)
