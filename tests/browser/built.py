"""The demo portal as a bundler leaves it: one line of script under a hashed name, and hashes of it in other files."""

import gzip
import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path

PORTAL = Path(__file__).parents[2] / "sandbox" / "portal"
IMPORT = re.compile(r"^import \{([^}]*)\} from \"([^\"]+)\";$", re.MULTILINE)
COMMENT = re.compile(r"(?:^\s*|(?<=[;{}]) )//.*$")
EXPORTED = re.compile(r"^export (async function|function|class|let|const) (\w+)", re.MULTILINE)
SETTINGS = r"""export const config=JSON.parse("{
\"apiEndpoint\":\"https:\\/\\/contoso.svc.dynamics.com\\/EvtMgmt\\/api\\/v2.0\\/\",
\"emApplicationtoken\":\"TOKEN\",\"isAuthenticationEnabled\":false,\"idToken\":\"\",\"customFields\":[]}");
export async function readConfig(){}""".replace("\n\\", "\\")


def bundle(token: str) -> str:
    """All modules in one line, each in a function of its own, as bundlers do it."""
    modules = [_module(path, token) for path in sorted(PORTAL.rglob("*.js"))]
    start = "const d={},m={};const r=n=>{if(!m[n]){m[n]={};d[n](m[n])}return m[n]};"
    return start + "".join(modules) + 'r("main.js");'


def _module(path: Path, token: str) -> str:
    name = path.relative_to(PORTAL).as_posix()
    text = SETTINGS.replace("TOKEN", token) if name == "config.js" else path.read_text(encoding="utf-8")
    lines = [COMMENT.sub("", line).strip() for line in text.splitlines()]
    text = "\n".join(lines)
    exported = EXPORTED.findall(text)
    first = ",".join(word for kind, word in exported if kind.endswith("function"))
    last = ",".join(word for kind, word in exported if not kind.endswith("function"))

    def imported(match: re.Match[str]) -> str:
        place = (path.parent / match[2]).resolve().relative_to(PORTAL).as_posix()
        return f'const{{{match[1].strip()}}}=r("{place}");'

    text = EXPORTED.sub(r"\1 \2", IMPORT.sub(imported, text)).replace("\n", " ")
    asynchronous = "async " if name == "main.js" else ""  # it awaits at the top level
    return f'd["{name}"]={asynchronous}x=>{{Object.assign(x,{{{first}}});{text};Object.assign(x,{{{last}}})}};'


def build(folder: Path, token: str) -> Path:
    """Write the portal into a folder, and give its script."""
    folder.mkdir()
    data = bundle(token).encode()
    script = folder / f"main.{hashlib.md5(data, usedforsecurity=False).hexdigest()[:16]}.js"
    script.write_bytes(data)
    Path(f"{script}.gz").write_bytes(gzip.compress(data))
    (folder / "portal.css").write_bytes((PORTAL / "portal.css").read_bytes())
    page = (PORTAL / "index.html").read_text(encoding="utf-8")
    integrity = f"sha384-{b64encode(hashlib.sha384(data).digest()).decode()}"
    page = page.replace('src="main.js"', f'src="{script.name}" integrity="{integrity}" crossorigin="anonymous"')
    (folder / "index.html").write_text(page, encoding="utf-8")
    table = {f"/{path.name}": hashlib.sha1(path.read_bytes()).hexdigest() for path in (script, folder / "index.html")}
    (folder / "ngsw.json").write_text(json.dumps({"hashTable": table}), encoding="utf-8")
    return script
