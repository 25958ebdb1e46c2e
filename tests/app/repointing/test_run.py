"""Whole portals: led to the proxy, once and twice and back, as folder, file and zip, also by a process that is killed."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.repointing.report import Report
from app.repointing.run import backup_of, repoint, restore
from app.repointing.target import read_target
from app.repointing.tree import RepointError
from tests.app.repointing.forms import FORMS, NEW, OLD
from tests.app.repointing.portals import SCRIPT, TOKEN, built, contents, sri, zipped

TARGET = read_target(NEW)
CHANGED = sorted(
    [".env", "assets/old.js", "index.html", SCRIPT, f"{SCRIPT}.br", f"{SCRIPT}.gz", f"{SCRIPT}.map", "ngsw.json"]
)  # fmt: skip


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    return built(tmp_path / "dist")


def shown(report: Report) -> str:
    return json.dumps(report.document())


def test_a_look_changes_nothing(portal: Path) -> None:
    before = contents(portal)
    told: list[tuple[int, int]] = []
    report = repoint(portal, TARGET, progress=lambda done, total: told.append((done, total)))
    assert contents(portal) == before
    assert (sorted(report.changed), report.written, report.clean) == (CHANGED, False, False)
    assert (report.files, report.looked_into) == (10, 6)
    assert told[0] == (0, 10)
    assert told[-1] == (10, 10)
    assert TOKEN not in shown(report)
    assert not backup_of(portal, None).exists()


def test_a_portal_and_all_that_hangs_on_it(portal: Path) -> None:
    before = contents(portal)
    report = repoint(portal, TARGET, write=True)
    assert report.clean
    now = contents(portal)
    script = before[SCRIPT].replace(OLD.encode(), NEW.encode()).replace(TOKEN.encode(), b"")
    assert now[SCRIPT] == script
    assert gzip.decompress(now[f"{SCRIPT}.gz"]) == script
    assert f"{SCRIPT}.br" not in now
    assert now["index.html"] == before["index.html"].decode("utf-16").replace(sri(before[SCRIPT]), sri(script)).encode("utf-16")
    table = json.loads(now["ngsw.json"])["hashTable"]
    assert table == {
        f"/{SCRIPT}": hashlib.sha1(script).hexdigest(),
        "/index.html": hashlib.sha1(now["index.html"]).hexdigest(),
        "/other": "0" * 40,
    }
    assert now[".env"] == f"API={NEW}\r\nEM_APPLICATION_TOKEN=\r\n".encode()
    assert now["assets/old.js"] == b"// caf\xe9\n" + NEW.encode()
    assert {name for name in before if now.get(name) != before[name]} == set(CHANGED)
    assert {notice.name for notice in report.notices} == {"sign_in", "hashes", "hashed_name", "sibling_removed"}
    assert TOKEN.encode() not in b"".join(now.values())


def test_twice_is_once_and_back_is_back(portal: Path) -> None:
    before = contents(portal)
    repoint(portal, TARGET, write=True)
    once = contents(portal)
    again = repoint(portal, TARGET, write=True)
    assert (contents(portal), again.places, again.changed, again.clean) == (once, (), (), True)
    assert sorted(restore(portal).files) == CHANGED
    assert contents(portal) == before
    assert [path.name for path in portal.parent.iterdir()] == ["dist"]
    with pytest.raises(RepointError, match="There is no backup"):
        restore(portal)


def test_a_zip(portal: Path, tmp_path: Path) -> None:
    path = zipped(portal, tmp_path / "dist.zip")
    data = path.read_bytes()
    assert repoint(path, TARGET).changed == tuple(CHANGED)
    assert path.read_bytes() == data
    assert repoint(path, TARGET, write=True).clean
    repoint(portal, TARGET, write=True)
    with zipfile.ZipFile(path) as written:
        assert {name: written.read(name) for name in written.namelist()} == contents(portal)
    assert repoint(path, TARGET, write=True).places == ()
    assert restore(path).files == ("dist.zip",)
    assert path.read_bytes() == data


def test_one_file_and_a_backup_elsewhere(portal: Path, tmp_path: Path) -> None:
    kept = tmp_path / "elsewhere"
    assert repoint(portal / ".env", TARGET, write=True, backup=kept).changed == (".env",)
    assert sorted(path.name for path in kept.iterdir()) == ["files", "manifest.json"]
    assert not backup_of(portal / ".env", None).exists()
    assert restore(portal / ".env", kept).files == (".env",)


def test_a_link_to_a_portal_keeps_its_backup_beside_the_portal(portal: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "current").symlink_to(portal)
    repoint(tmp_path / "links" / "current", TARGET, write=True)
    assert (tmp_path / "dist.before-repoint").is_dir()
    assert (tmp_path / "links" / "current").is_symlink()


def test_what_is_packed_alone_or_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.js.gz").write_bytes(gzip.compress(OLD.encode()))
    (notice,) = repoint(tmp_path / "p", TARGET).notices
    assert (notice.name, notice.file) == ("packed_alone", "a.js.gz")
    with pytest.raises(RepointError, match="There is no"):
        repoint(tmp_path / "gone", TARGET)
    with pytest.raises(RepointError, match="root of the file system"):
        repoint(Path("/"), TARGET)


def test_hashes_of_hashes(tmp_path: Path) -> None:
    portal = tmp_path / "p"
    portal.mkdir()
    chunk = f'a="{OLD}"'.encode()
    (portal / "chunk.js").write_bytes(chunk)
    runtime = f'h={{1:"{sri(chunk)}"}}'.encode()
    (portal / "runtime.js").write_bytes(runtime)
    (portal / "index.html").write_text(f'<script integrity="{sri(runtime)}" src="runtime.js">')
    repoint(portal, TARGET, write=True)
    assert sri((portal / "chunk.js").read_bytes()) in (portal / "runtime.js").read_text()
    assert sri((portal / "runtime.js").read_bytes()) in (portal / "index.html").read_text()


KILLED = """
import os, pathlib, signal, sys
from app.repointing.run import repoint
from app.repointing.target import read_target
left, replace = [int(sys.argv[2])], pathlib.Path.replace
def dying(self, target):
    if "dist.before-repoint" not in str(target):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
    return replace(self, target)
pathlib.Path.replace = dying
repoint(pathlib.Path(sys.argv[1]), read_target(sys.argv[3]), write=True)
"""


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_run_that_was_killed_is_made_good_by_the_next(portal: Path, tmp_path: Path, after: int) -> None:
    before = contents(portal)
    repoint(portal, TARGET, write=True)
    wanted = contents(portal)
    restore(portal)
    command = [sys.executable, "-c", KILLED, str(portal), str(after), NEW]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert contents(portal) != before  # new files stand beside their places
    repoint(portal, TARGET, write=True)
    assert contents(portal) == wanted
    restore(portal)
    assert contents(portal) == before


def test_a_run_that_was_killed_can_be_put_back(portal: Path) -> None:
    before = contents(portal)
    subprocess.run(
        [sys.executable, "-c", KILLED, str(portal), "2", NEW], env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False
    )
    assert len(restore(portal).files) == 2
    assert contents(portal) == before


PIECES = st.one_of(
    st.sampled_from(list(FORMS)).map(lambda form: f'"{FORMS[form](OLD)}"'),
    st.just(f'emApplicationtoken:"{TOKEN}",'),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20),
)
FILES = st.dictionaries(
    st.sampled_from(["a.js", "b/c.html", "b/d.map", ".env", "e.bin"]),
    st.one_of(
        st.binary(max_size=50),
        st.tuples(st.lists(PIECES).map("".join), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])).map(
            lambda pair: pair[0].encode(pair[1])
        ),
    ),
)


@settings(max_examples=40)
@given(FILES)
def test_back_is_back_and_twice_is_once_for_any_files(files: dict[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        portal = Path(folder) / "dist"
        portal.mkdir()
        for name, data in files.items():
            (portal / name).parent.mkdir(exist_ok=True)
            (portal / name).write_bytes(data)
        report = repoint(portal, TARGET, write=True)
        once = contents(portal)
        assert {name for name in files if once[name] != files[name]} == set(report.changed)
        assert repoint(portal, TARGET, write=True).changed == ()
        assert contents(portal) == once
        if report.changed:
            restore(portal)
        assert contents(portal) == files
