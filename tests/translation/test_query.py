"""translation/query.py: what of a query string travels upstream."""

import re
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.outcome import outcome, words_of
from translation.errors import BAD_TARGET, INVALID_PARAMETER, ProxyError
from translation.query import EMPTY, MAX_PARAMETERS, Query, read_query

DECLARED = ("api-version", "webappid", "data")
MARK = "Vz9Kq"


def kept(raw: bytes) -> list[bytes]:
    return [part for _, part in read_query(raw, DECLARED).kept]


@pytest.mark.parametrize(
    "raw",
    [
        b"emApplicationtoken=secret",
        b"emapplicationtoken=secret",
        b"EMAPPLICATIONTOKEN=secret",
        b"emApplicationToken=",
        b"emApplicationtoken",
        b"%65mApplicationtoken=secret",
        b"emApplication%74oken=secret",
        b"%65%6D%41%70%70%6c%69%63%61%74%69%6f%6e%74%6f%6b%65%6e=secret",
        b"emApplicationtoken=%zz",
        b"emApplicationtoken=a&emApplicationTOKEN=b",
    ],
)
def test_the_clients_token_is_dropped_in_any_spelling(raw: bytes) -> None:
    assert read_query(raw, DECLARED) == Query((), client_token=True, dropped=0)


@pytest.mark.parametrize("raw", [b"ts=1", b"_=1690000000", b"TS=1", b"%5F=1", b"ts", b"_=&ts=2"])
def test_cache_busters_are_dropped_silently(raw: bytes) -> None:
    assert read_query(raw, DECLARED) == EMPTY


@pytest.mark.parametrize(
    ("raw", "dropped"),
    [
        (b"foo=1", 1),
        (b"foo=1&foo=2&bar", 3),
        (b"%zz=1", 1),
        (b"%ff=1", 1),
        (b"=1", 1),
        (b"api-version%00=1", 1),
        (b"api_version=1", 1),
        (b"%2565mApplicationtoken=secret", 1),
        (b"emApplicationtoken%20=secret", 1),
        (b"a;emApplicationtoken=secret", 1),
    ],
)
def test_others_are_dropped_and_counted(raw: bytes, dropped: int) -> None:
    assert read_query(raw, DECLARED) == Query((), client_token=False, dropped=dropped)


@pytest.mark.parametrize(
    "raw",
    [
        b"api-version=2016-06-30",
        b"API-Version=2016-06-30",
        b"api%2Dversion=1",
        b"api-version=a%20b+c%2Bd",
        b"api-version=%E2%82%AC%0d%0a%26",
        b"api-version=a=b==c",
        b"api-version=/?:@!$()*,;~[]",
        b"api-version=",
        b"api-version",
        b"api-version=%2e%2E",
    ],
)
def test_a_declared_parameter_travels_byte_for_byte(raw: bytes) -> None:
    assert kept(raw) == [raw]


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b'data=[{"a":1}]', b"data=[%7B%22a%22:1%7D]"),
        (b"data=<a>|\\^`'", b"data=%3Ca%3E%7C%5C%5E%60%27"),
        (b"data=a#b", b"data=a%23b"),
    ],
    ids=["JSON", "marks", "hash"],
)
def test_what_clients_would_encode_each_in_its_own_way_is_encoded_here(raw: bytes, sent: bytes) -> None:
    assert kept(raw) == [sent]


def test_the_order_is_kept_and_the_first_of_doubles_wins() -> None:
    raw = b"webAppId=1&x=1&api-version=2&&WEBAPPID=3&emApplicationtoken=t&_=4&api-version=5"
    assert read_query(raw, DECLARED) == Query(
        (("webappid", b"webAppId=1"), ("api-version", b"api-version=2")), client_token=True, dropped=3
    )


def test_a_setting_may_allow_a_cache_buster() -> None:
    assert read_query(b"ts=1", ("ts",)).kept == (("ts", b"ts=1"),)


@pytest.mark.parametrize("raw", [b"", b"&", b"&&&"])
def test_nothing_is_nothing(raw: bytes) -> None:
    assert read_query(raw, DECLARED) == EMPTY


@pytest.mark.parametrize("separator", [b"&a=1", b"&api-version=1", b"&"], ids=["others", "declared", "empty"])
def test_a_hundred_parameters_and_no_more(separator: bytes) -> None:
    read_query(b"x=1" + separator * (MAX_PARAMETERS - 1), DECLARED)
    with pytest.raises(ProxyError) as caught:
        read_query(b"x=1" + separator * MAX_PARAMETERS, DECLARED)
    assert caught.value.kind is BAD_TARGET


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(f"api-version={MARK}%".encode(), id="escape cut off"),
        pytest.param(f"api-version={MARK}%zz".encode(), id="bad escape"),
        pytest.param(f"api-version={MARK}%u0041".encode(), id="%u"),
        pytest.param(f"api-version={MARK} x".encode(), id="raw blank"),
        pytest.param(f"api-version={MARK}\r\nX: y".encode(), id="raw CR LF"),
        pytest.param(f"{MARK}=\x00".encode(), id="raw NUL"),
        pytest.param(f"{MARK}=é".encode(), id="raw UTF-8"),
        pytest.param(f"{MARK}=1\n".encode(), id="raw line feed at the end"),
        pytest.param("&".join([f"{MARK}=1"] * 101).encode(), id="too many"),
    ],
)
def test_a_malformed_query_is_refused_without_repeating_it(raw: bytes) -> None:
    with pytest.raises(ProxyError) as caught:
        read_query(raw, DECLARED)
    assert caught.value.kind is BAD_TARGET
    assert MARK not in words_of(caught.value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"data=%5B%7B%22a%22%3A%22x+y%2Bz%22%7D%5D", '[{"a":"x y+z"}]'),
        (b'data=[{"a":"b"}]', '[{"a":"b"}]'),
        (b"DATA=%C3%A9", "é"),
        (b"data=a=b", "a=b"),
        (b"data", ""),
        (b"other=1", None),
    ],
)
def test_the_value_of_a_kept_parameter(raw: bytes, value: str | None) -> None:
    assert read_query(raw, DECLARED).value("data") == value


def test_a_value_that_is_no_utf8_is_refused_by_name() -> None:
    with pytest.raises(ProxyError) as caught:
        read_query(f"data={MARK}%ff".encode(), DECLARED).value("data")
    assert caught.value.kind is INVALID_PARAMETER
    assert caught.value.detail == "data is not UTF-8."


QUERIES = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.builds(
            lambda name, value: name + b"=" + value,
            st.sampled_from([b"api-version", b"API-VERSION", b"data", b"web%41ppId", b"emApplicationtoken", b"x", b"ts", b""]),
            st.one_of(st.binary(max_size=8), st.text(alphabet="azAZ09%2#?&;[]{}'\"<>\\^`|/@:+~=", max_size=12).map(str.encode)),
        ),
        max_size=6,
    ).map(b"&".join),
)


@given(QUERIES)
def test_no_query_makes_another_url(raw: bytes) -> None:
    query = outcome(read_query, raw, DECLARED)
    if isinstance(query, ProxyError):
        assert query.kind is BAD_TARGET
        return
    for name, part in query.kept:
        assert name in DECLARED
        assert re.fullmatch(rb"(?:[A-Za-z0-9\-._~!$()*+,;=:@/?\[\]]|%[0-9A-Fa-f]{2})+", part)
        assert part in raw or re.search(rb"[\"#<>\\^`{|}']", raw)
    sent = b"&".join(part for _, part in query.kept).decode()
    url = f"https://public-eur.mkt.invalid/api/events/published?{sent}&emApplicationtoken=ours"
    assert urlsplit(url).fragment == ""
    assert httpx.URL(url).raw_path.decode() == url.removeprefix("https://public-eur.mkt.invalid")
    names = [name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]
    assert names == [name for name, _ in query.kept] + ["emapplicationtoken"]


@given(QUERIES, st.sampled_from(DECLARED))
def test_a_value_is_text_or_a_listed_error(raw: bytes, name: str) -> None:
    value = outcome(lambda raw: read_query(raw, DECLARED).value(name), raw)
    if isinstance(value, ProxyError):
        assert value.kind in (BAD_TARGET, INVALID_PARAMETER)
    else:
        assert value is None or isinstance(value, str)
