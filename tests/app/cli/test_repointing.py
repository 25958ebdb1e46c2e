"""``repoint`` as a person and a script see it: exit statuses, what is shown, nothing secret."""

import json
from pathlib import Path

import pytest

from tests.app.cli.program import run
from tests.app.repointing.forms import NEW, OLD
from tests.app.repointing.portals import SCRIPT, TOKEN, built, contents

TO = ("--to", "https://proxy.example.com")


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    return built(tmp_path / "dist")


def test_look_write_and_back(portal: Path, tmp_path: Path) -> None:
    before = contents(portal)
    looked = run("repoint", "dist", *TO, folder=tmp_path)
    assert looked.returncode == 1
    assert f"{SCRIPT}:1:21 endpoint, plain: would be replaced" in looked.stdout
    assert f'var e={{apiEndpoint:"{OLD}",emApplicationtoken:"********",' in looked.stdout
    assert "Nothing was written: --write does it." in looked.stdout
    written = run("repoint", "dist", *TO, "--write", folder=tmp_path)
    assert written.returncode == 0
    assert f"{SCRIPT}:1:21 endpoint, plain: replaced" in written.stdout
    assert "dist.before-repoint; --restore puts them back." in written.stdout
    again = run("repoint", "dist", *TO, folder=tmp_path)
    assert (again.returncode, "No old endpoint and no old token" in again.stdout) == (0, True)
    assert "It was repointed before" in again.stdout
    back = run("repoint", "dist", "--restore", folder=tmp_path)
    assert (back.returncode, back.stdout) == (0, "8 files put back.\n")
    assert contents(portal) == before
    for done in (looked, written, again, back):
        assert done.stderr == ""
        assert TOKEN not in done.stdout


def test_json(portal: Path, tmp_path: Path) -> None:
    done = run("repoint", "dist", *TO, "--json", folder=tmp_path)
    document = json.loads(done.stdout)
    assert (done.returncode, document["to"], document["written"], document["clean"]) == (1, NEW, False, False)
    assert {place["kind"] for place in document["places"]} == {"endpoint", "token"}
    assert TOKEN not in done.stdout


def test_a_place_for_a_hand_stays_a_task(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('"https://"+f()+".svc.dynamics.com/EvtMgmt/api/v2.0/"')
    done = run("repoint", "a.js", *TO, "--write", folder=tmp_path)
    assert done.returncode == 1
    assert "put together: by hand" in done.stdout
    assert f"Change it by hand so that {NEW} comes out." in done.stdout


def test_what_was_changed_since_is_left_alone(portal: Path, tmp_path: Path) -> None:
    run("repoint", "dist", *TO, "--write", folder=tmp_path)
    (portal / ".env").write_text("mine")
    done = run("repoint", "dist", "--restore", folder=tmp_path)
    assert done.returncode == 1
    assert "Left alone, as somebody changed it since: .env." in done.stdout
    assert run("repoint", "dist", "--restore", "--force", folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("gone", *TO), "There is no"),
        (("dist",), "name your proxy"),
        (("dist", "--to", "http://proxy.example.com"), "must use https"),
        (("dist", "--restore"), "There is no backup at"),
        (("dist", "--restore", "--write"), "--force only"),
        (("dist", *TO, "--force"), "--restore only"),
        (("broken.zip", *TO), "leads out of it"),
    ],
)
def test_what_cannot_be_worked_on(options: tuple[str, ...], words: str, portal: Path, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "broken.zip", "w") as target:
        target.writestr("../a.js", "x")
    done = run("repoint", *options, folder=tmp_path, COLUMNS="300")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
