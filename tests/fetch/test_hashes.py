"""A file that is not the published or the pinned one: an error, and nothing is lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5

import pytest

from galflowlab.data import HashMismatchError
from galflowlab.data.fetching.lock import pin, read_pinned

ONE = ["b.bin"]


def hash_of(content):
    return f"md5:{md5(content).hexdigest()}"


def test_wrong_hash_is_tried_twice_and_kept_hidden(server, get, here):
    wrong = f"md5:{32 * '0'}"
    server.checksums["b.bin"] = wrong
    with pytest.raises(HashMismatchError) as error:
        get(ONE)
    sent = hash_of(server.files["b.bin"])
    assert f"expected {wrong}" in str(error.value)
    assert f"what arrived has {sent}" in str(error.value)
    assert server.asked == 2 * ONE
    assert here() == [f".b.bin.{sent[4:12]}"]


def test_wrong_once_is_repaired(server, get, here):
    server.faults.append(lambda handler, content: handler.send_file(bytes(10)))
    (path,) = get(ONE)
    assert path.read_bytes() == server.files["b.bin"]
    assert here() == ONE


def test_changed_here(server, get, here, tmp_path):
    (path,) = get(ONE)
    path.write_bytes(b"mine")
    good = hash_of(server.files["b.bin"])
    kept = f".b.bin.{good[4:12]}"
    for _ in range(2):
        with pytest.raises(HashMismatchError) as error:
            get(ONE)
        for text in (good, hash_of(b"mine"), kept, f"remove {path} and fetch again"):
            assert text in str(error.value)
        assert path.read_bytes() == b"mine"
        assert (path.parent / kept).read_bytes() == server.files["b.bin"]
    assert server.asked == 2 * ONE  # the second mismatch downloads nothing
    path.unlink()
    assert get(ONE) == [path]
    assert path.read_bytes() == server.files["b.bin"]
    assert here() == ONE


def test_changed_at_the_origin(server, get, here, tmp_path, cache):
    (path,) = get(ONE)
    old, new = server.files["b.bin"], b"new"
    server.files["b.bin"] = new
    (tmp_path / "data" / "a.bin").unlink(missing_ok=True)
    with pytest.raises(HashMismatchError) as error:
        get()  # the others are not there, so the record is asked
    for text in (hash_of(old), hash_of(new), f"remove {path} and {cache / 'locks' / 'test.json'}"):
        assert text in str(error.value)
    assert path.read_bytes() == old
    assert (path.parent / f".b.bin.{hash_of(new)[4:12]}").read_bytes() == new
    path.unlink()
    (cache / "locks" / "test.json").unlink()
    get()
    assert path.read_bytes() == new


def test_changed_at_an_origin_without_checksums(server, get, here):
    (path,) = get(ONE, origin="url")
    old = path.read_bytes()
    path.unlink()
    server.files["b.bin"] = b"new"
    with pytest.raises(HashMismatchError, match=r"expected sha256:.*what arrived has sha256:"):
        get(ONE, origin="url")
    assert len(here()) == 1
    assert here()[0].startswith(".b.bin.")
    server.files["b.bin"] = old
    assert get(ONE, origin="url") == [path]


def test_file_that_was_there_before_is_pinned(server, get, tmp_path, cache):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.bin").write_bytes(b"copied")
    (path,) = get(ONE, origin="url")
    assert path.read_bytes() == b"copied"
    assert server.asked == []
    assert "b.bin" in read_pinned(cache / "locks" / "test.json").hashes


# -- the lock file


def test_first_hash_stays(tmp_path):
    path = tmp_path / "l" / "x.json"
    pin(path, {"a": hash_of(b"1")}, record=["a"], licence="mit")
    pinned = pin(path, {"a": hash_of(b"2"), "b": hash_of(b"3")})
    assert pinned.hashes == {"a": hash_of(b"1"), "b": hash_of(b"3")}
    assert read_pinned(path) == pinned
    assert pinned.record == ("a",)
    assert pinned.licence == "mit"


def test_pins_of_many_at_once(tmp_path):
    path = tmp_path / "x.json"
    names = [str(i) for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: pin(path, {name: hash_of(b"1")}), names))
    assert set(read_pinned(path).hashes) == set(names)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 2, "hashes": {}, "record": [], "licence": ""}',
        '{"format": 1, "hashes": {"a": "md5:1"}, "record": [], "licence": ""}',
        '{"format": 1, "hashes": {"a": 1}, "record": [], "licence": ""}',
        '{"format": 1, "hashes": {}, "record": [1], "licence": ""}',
        "[" * 100_000,
    ],
)
def test_damaged_lock_file(get, cache, text):
    (cache / "locks").mkdir(parents=True)
    (cache / "locks" / "test.json").write_text(text)
    with pytest.raises(ValueError, match=r"test.json: not a lock file of galflowlab; remove it"):
        get()


def test_lock_file_is_readable(server, get, cache):
    get()
    data = json.loads((cache / "locks" / "test.json").read_text())
    assert data["format"] == 1
    assert data["record"] == list(server.files)
