"""translation/headers.py: which headers cross the proxy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation.headers import _ZERO, FORWARDED, TraceParent, forwarded_headers, is_request_id, read_traceparent, retry_after

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "text",
    ["a", "0a", "7f3b9a52-0c1d-4e8f-9a6b-2d5c8e1f0a34", "req_1.2-3", "x" * 128, "100", "0x10", "e123"],
    ids=lambda text: text[:20],
)
def test_a_request_id_is_taken_over(text: str) -> None:
    assert is_request_id(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("0", id="the old portals' expired session"),
        pytest.param("0" * 32, id="zeros"),
        pytest.param("0.0", id="0.0"),
        pytest.param("0e5", id="0e5"),
        pytest.param("0.0E-7", id="0.0E-7"),
        pytest.param("0x00", id="0x00"),
        pytest.param("0B0", id="0B0"),
        pytest.param("x" * 129, id="too long"),
        pytest.param("-a", id="dash in front"),
        pytest.param("a b", id="blank"),
        pytest.param("a\n", id="line feed at the end"),
        pytest.param("a\r\nSet-Cookie: x=1", id="CR LF"),
        pytest.param("<script>", id="markup"),
        pytest.param("a/../b", id="path"),
        pytest.param("é", id="no ASCII"),
        pytest.param("１", id="full-width digit"),
    ],
)
def test_a_request_id_that_is_not_taken_over(text: str) -> None:
    assert not is_request_id(text)


@pytest.mark.timeout(20)
def test_zeros_without_end_do_not_cost_their_square() -> None:
    """An id has 128 characters at most; with steps back they cost as much as thirty answers from memory."""
    assert is_request_id("0" * 127 + "x")
    assert _ZERO.fullmatch("0" * 200_000 + "x") is None
    assert _ZERO.fullmatch("0" * 200_000 + ".e1") is not None


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        pytest.param([], [], id="none"),
        pytest.param([("traceparent", TRACE)], [("traceparent", TRACE)], id="trace"),
        pytest.param(
            [("TraceParent", TRACE), ("TRACESTATE", "vendor=x,b=y")],
            [("traceparent", TRACE), ("tracestate", "vendor=x,b=y")],
            id="any letter case",
        ),
        pytest.param([("tracestate", "a=b")], [], id="state alone"),
        pytest.param([("traceparent", TRACE), ("tracestate", "a=\x01")], [("traceparent", TRACE)], id="bad state"),
        pytest.param([("traceparent", TRACE), ("tracestate", "x" * 513)], [("traceparent", TRACE)], id="long state"),
        pytest.param([("traceparent", TRACE), ("tracestate", "")], [("traceparent", TRACE)], id="empty state"),
        pytest.param([("traceparent", TRACE), ("traceparent", "x")], [("traceparent", TRACE)], id="the first of doubles"),
        pytest.param([("traceparent", TRACE), ("Connection", "close, TraceParent")], [], id="for this hop only"),
        pytest.param(
            [("connection", "tracestate"), ("traceparent", TRACE), ("tracestate", "a=b")],
            [("traceparent", TRACE)],
            id="state for this hop only",
        ),
        pytest.param([("traceparent", TRACE.upper())], [], id="capitals"),
        pytest.param([("traceparent", TRACE + "\n")], [], id="line feed"),
        pytest.param([("traceparent", TRACE + "-00")], [], id="too long"),
        pytest.param([("traceparent", "ff" + TRACE[2:])], [], id="version ff"),
        pytest.param([("traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01")], [], id="trace id of zeros"),
        pytest.param([("traceparent", f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01")], [], id="parent id of zeros"),
    ],
)
def test_a_trace_context_travels_when_well_formed(headers: list[tuple[str, str]], sent: list[tuple[str, str]]) -> None:
    assert forwarded_headers([(name.encode(), value.encode()) for name, value in headers]) == sent


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Cookie",
        "Origin",
        "Host",
        "Referer",
        "User-Agent",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "Forwarded",
        "X-Request-ID",
        "X-MS-CLIENT-PRINCIPAL",
        "Connection",
        "Transfer-Encoding",
        "Content-Length",
        "trace_parent",
        "traceparent ",
        "trace_state",
        "X-Original-URL",
    ],
)
def test_no_other_header_travels(name: str) -> None:
    headers = [(name.encode(), TRACE.encode()), (b"traceparent", TRACE.encode())]
    assert forwarded_headers(headers) == [("traceparent", TRACE)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"traceparent", b"tracestate", b"Trace_Parent", b"cookie"]) | st.binary(max_size=8),
            st.just(TRACE.encode()) | st.binary(max_size=20),
        ),
        max_size=6,
    )
)
def test_any_headers_give_clean_ones(headers: list[tuple[bytes, bytes]]) -> None:
    sent = forwarded_headers(headers)
    assert {name for name, _ in sent} <= FORWARDED
    assert len({name for name, _ in sent}) == len(sent)
    assert all(value.isascii() and not set(value) & set("\r\n\x00") for _, value in sent)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 30),
        ("", 30),
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("300", 300),
        ("301", 300),
        ("9" * 5_000, 300),
        ("-1", 30),
        ("+1", 30),
        ("1.5", 30),
        ("1_0", 30),
        ("٣", 30),
        ("²", 30),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 30),
        ("1\r\nX: y", 30),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_retry_after_is_read_and_clamped(value: str | None, seconds: int) -> None:
    assert retry_after(value) == seconds


def test_the_bounds_of_retry_after_can_be_chosen() -> None:
    assert [retry_after(value, least=5, most=10, default=7) for value in ("1", "8", "99", None)] == [5, 8, 10, 7]


@given(st.none() | st.text() | st.integers().map(str))
def test_any_retry_after_is_within_bounds(value: str | None) -> None:
    assert 1 <= retry_after(value) <= 300


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("fe", False), ("ff", True)]
)
def test_a_callers_span_is_read(flags: str, sampled: bool) -> None:
    found = read_traceparent(f"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}")
    assert found == TraceParent(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, sampled)


@given(st.text())
def test_what_is_no_traceparent_is_none(text: str) -> None:
    assert read_traceparent(text) is None
