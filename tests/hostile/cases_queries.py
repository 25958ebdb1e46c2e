"""Query strings: the server's token is the only one that goes upstream, and nothing splits a parameter in two."""

from tests.hostile.case import BASE, LIST, LISTED, REGISTERED, REGISTRATIONS, Case, get, post, refused, served

CALENDAR = BASE + b"calendar/personal/ics"


def ask(query: bytes) -> bytes:
    return get(LIST + b"?" + query)


def many(count: int) -> bytes:
    return b"&".join(b"p%d=evil" % number for number in range(count))


CASES: list[Case] = [
    *served(
        "the client's token never travels, however its name is spelled; the server's does, once",
        "CONTRACT 2; FIELD-NOTES",
        {
            "token": (ask(b"emApplicationtoken=evil"), LISTED),
            "token twice": (ask(b"emApplicationtoken=evil&emApplicationtoken=evil2"), LISTED),
            "token in another case": (ask(b"EMAPPLICATIONTOKEN=evil&emapplicationtoken=evil"), LISTED),
            "token with an encoded name": (ask(b"em%41pplication%74oken=evil&%65mApplicationtoken=evil"), LISTED),
            "token after a second question mark": (ask(b"?emApplicationtoken=evil"), LISTED),
            "token on a write": (post(target=REGISTRATIONS + b"?emApplicationtoken=evil"), REGISTERED),
            "token with a blank in its name": (ask(b"+emApplicationtoken=evil&emApplicationtoken%20=evil"), LISTED),
            "token with a NUL in its name": (ask(b"emApplicationtoken%00=evil"), LISTED),
        },
    ),
    *served(
        "what is not declared is dropped, well-formed or not",
        "CONTRACT 1 (cache busters)",
        {
            "100 parameters": (ask(many(100)), LISTED),
            "empty parameters": (ask(b"&&=&=evil&&"), LISTED),
            "bad escapes in what is dropped": (ask(b"%zz=evil&evil=%&_=%2&api-version=1"), f"{LISTED}?api-version=1"),
            "script in what is dropped": (ask(b"q=<script>evil</script>"), LISTED),
            "encoded CR LF in what is dropped": (ask(b"q=%0d%0aX-Evil:%20evil"), LISTED),
        },
    ),
    *served(
        "a declared parameter travels as it came: one parameter in, the same one out",
        "CONTRACT 1; RFC 3986 3.4",
        {
            "declared twice: the first wins": (
                ask(b"api-version=1&api-version=evil&API-Version=evil"),
                f"{LISTED}?api-version=1",
            ),
            "encoded ampersand": (
                ask(b"api-version=1%26emApplicationtoken=mine"),
                f"{LISTED}?api-version=1%26emApplicationtoken=mine",
            ),
            "semicolon, which parts nothing": (
                ask(b"api-version=1;emApplicationtoken=mine"),
                f"{LISTED}?api-version=1;emApplicationtoken=mine",
            ),
            "encoded CR LF": (ask(b"api-version=1%0d%0aX:%201"), f"{LISTED}?api-version=1%0d%0aX:%201"),
            "encoded NUL": (ask(b"api-version=%00"), f"{LISTED}?api-version=%00"),
            "encoded number sign": (ask(b"api-version=1%23x"), f"{LISTED}?api-version=1%23x"),
            "number sign: a fragment begins": (ask(b"api-version=1#&webappId=evil"), f"{LISTED}?api-version=1"),
            "marks that clients encode each in its own way": (
                ask(b"api-version=<\"'`{}|^\\>"),
                f"{LISTED}?api-version=%3C%22%27%60%7B%7D%7C%5E%5C%3E",
            ),
            "name encoded": (ask(b"api%2dversion=1"), f"{LISTED}?api%2dversion=1"),
        },
    ),
    *refused(
        400,
        "BadTarget",
        "a malformed escape in what travels would be read differently upstream",
        "RFC 3986 2.1",
        {
            "bad escape in a declared value": ask(b"api-version=%zz"),
            "percent sign at the end of a declared value": ask(b"api-version=1%"),
        },
    ),
    *refused(
        400,
        "BadTarget",
        "no portal sends so many, and each costs time",
        "CWE-770",
        {"101 parameters": ask(many(101)), "1,000 parameters": ask(b"&".join([b"evil"] * 1_000))},
    ),
    *refused(
        400,
        "BadHeaders",
        "the parser takes no such bytes in a target",
        "RFC 9112 3.2, RFC 3986 3.4",
        {
            "NUL": ask(b"api-version=\0"),
            "byte beyond ASCII": ask(b"api-version=\xff"),
            "space": ask(b"api-version=a b"),
            "tab": ask(b"api-version=a\tb"),
        },
    ),
    *refused(
        400,
        "InvalidCalendarData",
        "the calendar's own parameter is read here, and its mistakes are named",
        "CONTRACT 1.3",
        {
            "calendar without data": get(CALENDAR),
            "calendar with CR LF as data": get(CALENDAR + b"?data=%0d%0a"),
            "calendar of dot dot": get(CALENDAR + b"?data=%5B%7B%22readableEventId%22%3A%22..%22%7D%5D"),
        },
    ),
    *refused(
        400,
        "InvalidParameter",
        "what is read has to be UTF-8",
        "RFC 3629",
        {"calendar with bytes that are no UTF-8": get(CALENDAR + b"?data=%ff")},
    ),
]
