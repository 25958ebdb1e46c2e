"""Targets at a portal that the proxy serves: nothing leads out of its folder, and what is hidden in it stays hidden."""

from tests.hostile.case import Case, get, refused

SECRETS = (b"SECRET OUTSIDE", b"SECRET INSIDE")
"""What stands in the files that no target may reach: beside the folder, and hidden in it."""
PAGE = b"Accept: text/html,*/*;q=0.8"


CASES: list[Case] = [
    *refused(
        400,
        "BadTarget",
        "dot segments are refused in every encoding, never resolved",
        "CWE-22; RFC 3986 5.2.4",
        {
            "dot dot": get(b"/../outside.txt"),
            "dot dot in a folder": get(b"/assets/../../outside.txt"),
            "dot dot encoded": get(b"/%2e%2e/outside.txt"),
            "dot dot half encoded": get(b"/.%2E/outside.txt"),
            "dot dot and a page wanted": get(b"/../outside.txt", PAGE),
            "dot": get(b"/./.env"),
            "slash encoded": get(b"/..%2foutside.txt"),
            "slash encoded in the middle": get(b"/assets%2f..%2f..%2foutside.txt"),
            "backslash": get(b"/..\\outside.txt"),
            "backslash encoded": get(b"/..%5coutside.txt"),
            "overlong dots": get(b"/%c0%ae%c0%ae/outside.txt"),
            "NUL before the ending": get(b"/.env%00.js"),
            "line end": get(b"/a%0d%0aSet-Cookie:%20evil"),
            "IIS escape": get(b"/%u002e%u002e/outside.txt"),
        },
    ),
    *refused(
        404,
        "OperationNotFound",
        "what is encoded twice is a name that no file has",
        "CWE-174",
        {
            "dot dot encoded twice": get(b"/%252e%252e/outside.txt"),
            "slash encoded twice": get(b"/..%252foutside.txt"),
            "an absolute path": get(b"//etc/passwd"),
            "three dots": get(b"/.../outside.txt"),
            "a drive": get(b"/C:/outside.txt"),
            "a stream": get(b"/.env::$DATA"),
            "a share": get(b"//evil.invalid/share"),
        },
    ),
    *refused(
        404,
        "OperationNotFound",
        "hidden files and source maps are not served, whatever the caller accepts",
        "CWE-538",
        {
            "a hidden file": get(b"/.env"),
            "a hidden file, encoded": get(b"/%2eenv"),
            "a hidden file, a page wanted": get(b"/.env", PAGE),
            "a hidden folder": get(b"/.git/config"),
            "a hidden folder in a folder": get(b"/assets/.svn/entries"),
            "hidden below .well-known": get(b"/.well-known/.env"),
            "a source map": get(b"/main.js.map"),
            "a source map in capitals": get(b"/main.js.MAP"),
            "a source map that is compressed": get(b"/main.js.map.gz"),
            "the same with a slash": get(b"/main.js.map/"),
        },
    ),
    *refused(
        404,
        "OperationNotFound",
        "symbolic links do not lead out, and no folder is listed",
        "CWE-61, CWE-548",
        {
            "a link to a file outside": get(b"/link.txt"),
            "a link to a folder outside": get(b"/out/outside.txt"),
            "a link to itself": get(b"/loop"),
            "a folder": get(b"/assets"),
            "a folder with its slash": get(b"/assets/"),
            "a file as a folder": get(b"/main.js/x"),
            "a name of 4,000 characters": get(b"/" + b"x" * 4_000),
            "4,000 folders": get(b"/x" * 4_000),
        },
    ),
    *refused(
        405,
        "MethodNotAllowed",
        "files are read only",
        "RFC 9110 15.5.6",
        {
            "POST": get(b"/main.js", method=b"POST"),
            "PATCH": get(b"/main.js", method=b"PATCH"),
            "PUT": get(b"/main.js", method=b"PUT"),
            "DELETE": get(b"/main.js", method=b"DELETE"),
        },
    ),
]
