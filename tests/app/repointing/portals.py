"""Built portals for the tests: a folder as a bundler leaves it."""

import gzip
import hashlib
import json
import zipfile
from base64 import b64encode
from pathlib import Path

from tests.app.repointing.forms import OLD

TOKEN = "the-old-t0ken-of-the-portal"
SCRIPT = "main.8f3b2a1c9d4e5f60.js"


def sri(data: bytes) -> str:
    return f"sha384-{b64encode(hashlib.sha384(data).digest()).decode()}"


def built(folder: Path) -> Path:
    """A portal with everything that hangs on its script."""
    (folder / "assets").mkdir(parents=True)
    script = f'var e={{apiEndpoint:"{OLD}",emApplicationtoken:"{TOKEN}",isAuthenticationEnabled:!0}};'.encode()
    (folder / SCRIPT).write_bytes(script)
    (folder / f"{SCRIPT}.gz").write_bytes(gzip.compress(script))
    (folder / f"{SCRIPT}.br").write_bytes(b"packed")
    (folder / f"{SCRIPT}.map").write_text(json.dumps({"sourcesContent": [f'export const a = "{OLD}";\n']}))
    page = f'<script src="{SCRIPT}" integrity="{sri(script)}"></script>\r\n'.encode("utf-16")
    (folder / "index.html").write_bytes(page)
    table = {f"/{SCRIPT}": hashlib.sha1(script).hexdigest(), "/index.html": hashlib.sha1(page).hexdigest(), "/other": "0" * 40}
    (folder / "ngsw.json").write_text(json.dumps({"hashTable": table}, indent=2))
    (folder / ".env").write_bytes(f"API={OLD}\r\nEM_APPLICATION_TOKEN={TOKEN}\r\n".encode())
    (folder / "assets" / "logo.png").write_bytes(b"\x89PNG" + OLD.encode())
    (folder / "assets" / "data.bin").write_bytes(b"\0" + OLD.encode())
    (folder / "assets" / "old.js").write_bytes(b"// caf\xe9\n" + OLD.encode())
    return folder


def zipped(folder: Path, path: Path) -> Path:
    """The same as a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in contents(folder):
            target.write(folder / name, name)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder by their names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
