"""Archives: whole or not at all, and never outside of their folder."""

import gzip
import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest

from galflowlab.data.fetching.unpack import Limits, folder_of, is_archive, unpack

GOOD = {"x/a.npy": b"aaa", "b.npy": b"bb", "__MACOSX/._b": b"m", ".DS_Store": b"d"}


def write_zip(path, members, kinds=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = ((kinds or {}).get(name, stat.S_IFREG) | 0o600) << 16
            archive.writestr(info, content)


def write_tar(path, members, mode="w", **changes):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))


WRITERS = {
    "g.zip": write_zip,
    "g.tar": write_tar,
    "g.tar.gz": lambda path, members: write_tar(path, members, "w:gz"),
    "g.tgz": lambda path, members: write_tar(path, members, "w:gz"),
}


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    """Function from members to an archive in an empty folder."""

    def write(members):
        path = tmp_path / request.param
        WRITERS[request.param](path, members)
        return path

    return write


def test_good(written):
    archive = written(GOOD)
    folder = unpack(archive, source="md5:1")
    assert folder == folder_of(archive) == archive.parent / "g"
    assert names(folder) == [".unpacked-from", "b.npy", "x", "x/a.npy"]
    assert (folder / "x" / "a.npy").read_bytes() == b"aaa"
    assert names(archive.parent) == sorted([archive.name, "g", *(f"g/{n}" for n in names(folder))])


def test_once_only(written):
    archive = written(GOOD)
    folder = unpack(archive, source="md5:1")
    (folder / "b.npy").write_bytes(b"mine")
    assert unpack(archive, source="md5:1") == folder
    assert (folder / "b.npy").read_bytes() == b"mine"
    with pytest.raises(FileExistsError, match=r"g: is in the way of g\."):
        unpack(archive, source="md5:2")


@pytest.mark.parametrize(
    "name", ["../a", "x/../../a", "/a", "..", "C:/a", "C:a", "x\\..\\a", "a\x01", "x/../a"]
)
def test_names_that_could_leave_the_folder(written, name):
    archive = written({"b.npy": b"b", name: b"evil"})
    with pytest.raises(ValueError, match="could leave the folder"):
        unpack(archive, source="md5:1")
    assert names(archive.parent) == [archive.name]
    assert not (archive.parent.parent / "a").exists()


def test_twice(written, recwarn):
    members = {"a": b"1", "./a": b"2"}
    with pytest.raises(ValueError, match="twice"):
        unpack(written(members), source="md5:1")


def test_file_as_folder(written):
    with pytest.raises(ValueError, match="twice"):
        unpack(written({"a": b"1", "a/b": b"2"}), source="md5:1")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_zip_with_a_link_or_device(tmp_path, kind):
    write_zip(tmp_path / "g.zip", {"a": b"/etc/passwd"}, {"a": kind})
    with pytest.raises(ValueError, match="'a' is neither file nor folder"):
        unpack(tmp_path / "g.zip", source="md5:1")
    assert names(tmp_path) == ["g.zip"]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_tar_with_a_link_or_device(tmp_path, kind):
    write_tar(tmp_path / "g.tar", {"a": b""}, type=kind, linkname="/etc/passwd")
    with pytest.raises(ValueError, match="'a' is neither file nor folder"):
        unpack(tmp_path / "g.tar", source="md5:1")
    assert names(tmp_path) == ["g.tar"]


def test_bomb(written):
    archive = written({f"{i}": bytes(3_000_000) for i in range(3)})
    few = Limits(always=5_000_000, ratio=1.0 if archive.suffix == ".tar" else 100.0)
    if archive.suffix == ".tar":  # not compressed: only its own size limits it
        few = Limits(total=5_000_000)
    with pytest.raises(ValueError, match="unpacks to more than"):
        unpack(archive, source="md5:1", limits=few)
    assert names(archive.parent) == [archive.name]
    assert unpack(archive, source="md5:1").is_dir()


def test_too_many_members(written):
    archive = written({str(i): b"" for i in range(11)})
    with pytest.raises(ValueError, match="more than 10 members"):
        unpack(archive, source="md5:1", limits=Limits(members=10))
    assert names(archive.parent) == [archive.name]


def test_huge_header_takes_no_memory(tmp_path):
    """An extended header that claims and, compressed, holds far more than a name needs."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**26
    with gzip.open(tmp_path / "g.tar.gz", "wb") as file:
        file.write(info.tobuf(tarfile.PAX_FORMAT)[:512])
        file.write(bytes(2**26))
    with pytest.raises(ValueError, match=r"a header of .* bytes is not plausible"):
        unpack(tmp_path / "g.tar.gz", source="md5:1")


def test_skipping_in_a_bomb_is_limited(tmp_path):
    """Hidden members are not written, yet a compressed archive has to be read past them."""
    write_tar(tmp_path / "g.tar.gz", {".x": bytes(60_000_000), "a": b"1"}, "w:gz")
    with pytest.raises(ValueError, match="unpacks to more than"):
        unpack(tmp_path / "g.tar.gz", source="md5:1", limits=Limits(always=1000))


def test_damaged(written):
    """Cut or changed anywhere: an error of one line, or the right content; nothing half-written."""
    content = np.random.default_rng(1).bytes(20_000)
    archive = written({"a.npy": content})
    data, rng = archive.read_bytes(), np.random.default_rng(2)
    failed = 0
    for i in range(60):
        damaged = bytearray(data[: rng.integers(len(data))] if i % 2 else data)
        if damaged:
            damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        archive.write_bytes(damaged)
        try:
            folder = unpack(archive, source=f"md5:{i}")
        except ValueError:
            failed += 1
            assert names(archive.parent) == [archive.name]
        else:
            for path in sorted(folder.rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            folder.rmdir()
    assert failed > 20


def test_left_over_of_a_killed_run(written):
    archive = written(GOOD)
    name = archive.name.replace("g.", "[g].", 1)  # not as in a pattern
    archive = archive.rename(archive.with_name(name))
    left_over = archive.parent / ".[g].unpacking-abc"
    left_over.mkdir()
    (left_over / "half").write_bytes(b"1")
    unpack(archive, source="md5:1")
    assert not left_over.exists()


def test_encrypted(tmp_path):
    write_zip(tmp_path / "g.zip", {"a": b"1"})
    data = bytearray((tmp_path / "g.zip").read_bytes())
    data[6] |= 1  # flag of the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "g.zip").write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged, or not an archive.*encrypted"):
        unpack(tmp_path / "g.zip", source="md5:1")


def test_what_is_an_archive(tmp_path):
    archives = ["a.zip", "a.tar", "a.TAR.GZ", "a.tgz"]
    assert [
        name for name in [*archives, "a.npy", "a.gz", "zip"] if is_archive(tmp_path / name)
    ] == archives
    assert folder_of(tmp_path / "a.b.TAR.GZ").name == "a.b"


def test_fetched_archive(server, get, here, tmp_path):
    write_zip(tmp_path / "g.zip", {"a.npy": b"1"})
    server.files = {"g.zip": (tmp_path / "g.zip").read_bytes(), "b.npy": b"2"}
    expected = [tmp_path / "data" / "g", tmp_path / "data" / "b.npy"]
    assert get() == expected
    assert get(offline=True) == expected
    assert here() == ["b.npy", "g.zip", "g/.unpacked-from", "g/a.npy"]


def test_fetched_archive_that_is_evil(server, get, here, tmp_path):
    write_zip(tmp_path / "g.zip", {"../a.npy": b"1"})
    server.files = {"g.zip": (tmp_path / "g.zip").read_bytes()}
    for _ in range(2):
        with pytest.raises(ValueError, match="could leave the folder"):
            get()
        assert here() == ["g.zip"]
