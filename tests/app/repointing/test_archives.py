"""Zips: kept as they were but for what changes, and refused when they are no portal's."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from app.repointing import archives as module
from app.repointing.archives import Archive
from app.repointing.tree import RepointError


def member(name: str, packing: int = zipfile.ZIP_DEFLATED, **values: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2021, 3, 4, 5, 6, 8))
    info.compress_type = packing
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    for key, value in values.items():
        setattr(info, key, value)
    return info


def packed(path: Path, *members: tuple[zipfile.ZipInfo, bytes], comment: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w") as target:
        target.comment = comment
        for info, content in members:
            target.writestr(info, content)
    return path


def described(path: Path | io.BytesIO) -> list[object]:
    with zipfile.ZipFile(path) as source:
        return [
            (info.filename, info.date_time, info.compress_type, info.external_attr, info.create_system, info.comment, info.extra)
            for info in source.infolist()
        ]


def test_all_is_kept_but_what_changes(tmp_path: Path) -> None:
    extra = struct.pack("<HHBI", 0x5455, 5, 1, 1_600_000_000)
    path = packed(
        tmp_path / "a.zip",
        (member("z.js", comment=b"the main one", extra=extra), b"old"),
        (member("folder/", zipfile.ZIP_STORED, external_attr=0o40755 << 16 | 0x10), b""),
        (member("folder/a.txt", zipfile.ZIP_STORED, external_attr=(stat.S_IFREG | 0o755) << 16), b"same" * 100),
        (member("b.txt", zipfile.ZIP_BZIP2), b"same" * 100),
        (member("gone.br", zipfile.ZIP_LZMA), b"packed"),
        (member("link", external_attr=(stat.S_IFLNK | 0o777) << 16), b"z.js"),
        comment=b"built on a friday",
    )
    before = described(path)
    archive, out = Archive(path), io.BytesIO()
    assert archive.names() == ["z.js", "folder/a.txt", "b.txt", "gone.br"]
    archive.write(out, {"z.js": b"new", "gone.br": None})
    archive.close()
    assert described(out) == [row for row in before if isinstance(row, tuple) and row[0] != "gone.br"]
    with zipfile.ZipFile(out) as written:
        assert written.comment == b"built on a friday"
        assert written.testzip() is None
        assert [written.read(name) for name in ("z.js", "b.txt", "link")] == [b"new", b"same" * 100, b"z.js"]


@pytest.mark.parametrize("name", ["../a.js", "a/../../b.js", "/etc/passwd", "..\\a.js", "C:/a.js"])
def test_members_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RepointError, match="leads out of it"):
        Archive(packed(tmp_path / "a.zip", (member(name), b"x")))


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(tmp_path / "a.zip", (member("a.js"), bytes(4 * 2**20)))
    with pytest.raises(RepointError, match="unpacks to 300 times"):
        Archive(bomb)
    monkeypatch.setattr(module, "MOST_TOTAL", 2**20)
    with pytest.raises(RepointError, match="larger than any portal"):
        Archive(bomb)


def test_what_unpacks_to_more_than_it_says_is_damaged(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", (member("a.js"), b"x" * 5_000))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 5_000), struct.pack("<I", 5)))
    archive = Archive(path)
    with pytest.raises(RepointError, match="damaged"):
        archive.read("a.js")
    archive.close()


def test_encrypted_and_unknown_and_double_members_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", (member("a.js", zipfile.ZIP_STORED), b"x"))
    data = bytearray(path.read_bytes())
    head, entry = data.index(b"PK\3\4"), data.index(b"PK\1\2")
    data[head + 6] |= 1
    data[entry + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(RepointError, match="is encrypted"):
        Archive(path)
    data[head + 6] &= ~1
    data[entry + 8] &= ~1
    data[head + 8] = data[entry + 10] = 97
    path.write_bytes(data)
    with pytest.raises(RepointError, match="not known here"):
        Archive(path)
    with pytest.warns(UserWarning, match="Duplicate name"):
        packed(tmp_path / "b.zip", (member("a.js"), b"x"), (member("a.js"), b"y"))
    with pytest.raises(RepointError, match="two members of one name"):
        Archive(tmp_path / "b.zip")


def test_what_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(RepointError, match="cannot be read as a zip"):
        Archive(tmp_path / "a.zip")
