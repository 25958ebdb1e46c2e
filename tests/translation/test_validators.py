"""translation/validators.py: If-None-Match and Accept-Encoding, as clients write them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from translation.validators import accepts_coding, accepts_gzip, matches

ETAG = b'W/"0123456789abcdef01234567"'
STRONG = ETAG[2:]
etags = st.binary(min_size=12, max_size=12).map(lambda digest: b'W/"%s"' % digest.hex().encode())
PIECES = [*b'gzip GZIP x-gzip * br identity ; q= 0 1 . 0.5 , "'.split(), b" ", b"\t"]
headers = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join)


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(ETAG, id="as it was given"),
        pytest.param(STRONG, id="strong"),
        pytest.param(b"*", id="any"),
        pytest.param(b" * ", id="any, with blanks"),
        pytest.param(b" \t" + ETAG + b" ", id="blanks"),
        pytest.param(b'"other", ' + ETAG, id="last of a list"),
        pytest.param(ETAG + b',W/"other"', id="first of a list"),
        pytest.param(b'W/"a",' + STRONG + b' , "b"', id="strong, amid a list"),
        pytest.param(b",, ," + ETAG + b",", id="empty members"),
        pytest.param(b"rubbish, " + ETAG, id="beside a malformed one"),
    ],
)
def test_the_client_has_it(condition: bytes) -> None:
    assert matches(condition, ETAG)


@pytest.mark.parametrize(
    "condition",
    [
        b"",
        b" ",
        b",",
        b'W/"other"',
        b'"*"',
        b"W/*",
        b'"a", *',
        STRONG.strip(b'"'),
        b"W/" + STRONG.strip(b'"'),
        STRONG[:-1],
        STRONG[1:],
        b"W/W/" + STRONG,
        b"w/" + STRONG,
        b"W/ " + STRONG,
        STRONG.upper(),
        STRONG + STRONG,
        ETAG + b"-gzip",
        b"\xff\x00",
    ],
)
def test_the_client_does_not_have_it(condition: bytes) -> None:
    assert not matches(condition, ETAG)


@given(etags, st.lists(etags, max_size=4), st.integers(0, 4), st.sampled_from([b",", b", ", b" ,\t"]), st.booleans())
def test_an_etag_is_found_in_every_list_that_has_it(
    etag: bytes, others: list[bytes], place: int, comma: bytes, strong: bool
) -> None:
    given = [*others[:place], etag[2:] if strong else etag, *others[place:]]
    assert matches(comma.join(given), etag)


@given(st.lists(etags, max_size=5), etags)
def test_an_etag_is_not_found_where_it_is_not(others: list[bytes], etag: bytes) -> None:
    assert matches(b", ".join(others), etag) == (etag in others)


@given(headers, etags)
def test_whatever_a_client_sends_is_no_failure(header: bytes, etag: bytes) -> None:
    assert matches(header, etag) in (True, False)
    assert matches(header + b"," + etag, etag)
    assert accepts_gzip(header) in (True, False)


@pytest.mark.parametrize(
    "header",
    [
        b"gzip",
        b"GZip",
        b" gzip ",
        b"gzip, deflate, br, zstd",
        b"br;q=1.0, gzip;q=0.8, *;q=0.1",
        b"gzip;q=0.001",
        b"gzip ; Q = 0.5",
        b"gzip;q=1.",
        b"identity;q=0, gzip",
        b"x-gzip",
        b"*",
        b"*;q=0.1",
        b"br, *",
        b"gzip, *;q=0",
        b"gzip;q=1, x-gzip;q=0",
        b"x-gzip;q=0, gzip;q=0.1",
        b"\xff, gzip",
        b"gzip;level=9, gzip",
        b",,gzip,",
        b"deflate\tq, gzip",
    ],
)
def test_gzip_is_accepted(header: bytes) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b" ",
        b"identity",
        b"br, deflate, zstd",
        b"gzip;q=0",
        b"gzip;q=0.",
        b"gzip;q=0.000",
        b"GZIP; q=0",
        b"gzip;q=0, *",
        b"gzip;q=0, x-gzip",
        b"x-gzip;q=0, *",
        b"*;q=0",
        b"br, *;q=0.0",
        b"gzipped",
        b"x-gzip-2",
        b"gzip;q=-1",
        b"gzip;q=2",
        b"gzip;q=0.0000",
        b"gzip;q=.5",
        b"gzip;q=nan",
        b"gzip;q=",
        b"gzip;",
        b"gzip q=1",
        b"gzip;x=1",
        b"g zip",
        b'"gzip"',
    ],
)
def test_gzip_is_not_accepted(header: bytes | None) -> None:
    assert not accepts_gzip(header)


@given(st.sampled_from([b"br", b"deflate", b"identity", b"zstd"]).flatmap(lambda name: st.just(name + b";q=0.3")), headers)
@example(b"br", b"gzip;q=0")
def test_order_and_other_codings_do_not_matter(other: bytes, header: bytes) -> None:
    assert accepts_gzip(other + b"," + header) == accepts_gzip(header + b"," + other) == accepts_gzip(header)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (b"", set()),
        (b"gzip, deflate, BR;q=0.5", {"gzip", "br"}),
        (b"br;q=0, *", {"gzip"}),
        (b"*;q=0, br", {"br"}),
        (b"br;q=x, gzip", {"gzip"}),
    ],
)
def test_any_coding_may_be_asked_for(header: bytes, accepted: set[str]) -> None:
    assert {coding for coding in ("br", "gzip") if accepts_coding(header, coding.encode())} == accepted
