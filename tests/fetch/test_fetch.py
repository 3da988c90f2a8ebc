"""Fetching when all goes well: which files, where, how often, by whom."""

import json
import threading
import time
from hashlib import md5, sha256

import pytest

from galflowlab import data
from galflowlab.data import OfflineError, fetch, present
from galflowlab.data.fetching.data_sets import fetch_from
from galflowlab.data.fetching.errors import FetchError
from galflowlab.data.fetching.places import data_folder
from galflowlab.data.manifests import parse
from tests.fetch.server import status, throttled


def test_all_files_of_a_record(server, get, here, cache, tmp_path):
    paths = get()
    assert paths == [tmp_path / "data" / name for name in server.files]
    assert [path.read_bytes() for path in paths] == list(server.files.values())
    assert here() == sorted(server.files)
    lock = json.loads((cache / "locks" / "test.json").read_text())
    assert lock["hashes"] == {k: f"md5:{md5(v).hexdigest()}" for k, v in server.files.items()}
    assert lock["licence"] == "cc-by-4.0"


def test_what_is_there_needs_no_network(server, get):
    paths = get()
    asked = len(server.seen)
    assert get() == paths
    assert get(["*.txt"]) == paths[2:]
    assert get(offline=True) == paths
    assert len(server.seen) == asked


def test_only_what_is_missing_is_fetched(server, get, tmp_path):
    get()
    (tmp_path / "data" / "b.bin").unlink()
    server.seen.clear()
    get()
    assert server.asked == ["b.bin"]


def test_cache_is_where_the_user_says(server, cache):
    (path,) = fetch_from(server.manifest(), ["b.bin"], progress=False)
    assert path == cache / "data" / "test" / "b.bin" == data_folder("test") / "b.bin"


def test_what_users_need_is_in_one_place(cache):
    assert data.fetch is fetch
    assert data.cache_folder() == cache
    for error in (data.HashMismatchError, data.OfflineError):
        assert issubclass(error, data.FetchError)


def test_present(server, tmp_path):
    (tmp_path / "mine.toml").write_text(server.text())
    assert present("nihao") == present(tmp_path / "mine.toml") == []
    paths = fetch(tmp_path / "mine.toml", ["*.bin"], progress=False)
    (paths[0].parent / ".a.bin.partial").write_bytes(b"1")
    assert present(tmp_path / "mine.toml") == paths


def test_cache_is_the_one_of_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("GALFLOWLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert data_folder("test") == tmp_path / "galflowlab" / "data" / "test"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.bin"], ["a.bin"]),
        (["*.bin"], ["a.bin", "b.bin"]),
        (["b.bin", "*.bin"], ["b.bin", "a.bin"]),
    ],
)
def test_chosen_files(get, here, files, names):
    assert [path.name for path in get(files)] == names
    assert here() == sorted(names)


def test_one_name_is_not_taken_for_letters(server, cache, tmp_path):
    (tmp_path / "mine.toml").write_text(server.text())
    (path,) = fetch(tmp_path / "mine.toml", "b.bin", progress=False)
    assert path.read_bytes() == server.files["b.bin"]


@pytest.mark.parametrize("again", [False, True])
def test_unknown_file(get, here, again):
    if again:
        get(["b.bin"])
    with pytest.raises(ValueError, match=r"test: no file 'c.bin'; there are a.bin, b.bin, notes"):
        get(["b.bin", "c.bin"])
    assert here() == ["b.bin"] * again


def test_offline_says_what_is_missing(get, tmp_path):
    with pytest.raises(OfflineError, match="test: offline, and it has never been fetched"):
        get(offline=True)
    get(["a.bin", "b.bin"])
    with pytest.raises(
        OfflineError, match=r"1 of 3 files are not in .*data.*, notes.txt the first"
    ):
        get(offline=True)
    (tmp_path / "data" / "a.bin").write_bytes(b"changed")
    with pytest.raises(OfflineError, match="files have changed"):
        get(["a.bin"], offline=True)


def test_bar_counts_bytes(server, tmp_path, capsys):
    fetch_from(server.manifest(), None, tmp_path, progress=True)
    shown = capsys.readouterr().err
    assert "100%" in shown
    assert "300k/300k" in shown
    fetch_from(server.manifest(name="quiet"), None, tmp_path / "q", progress=False)
    assert capsys.readouterr().err == ""


def test_disk_space_is_checked_first(server, get, here, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(FetchError, match=r"3e\+05 bytes are needed, 1e\+03 are free"):
        get()
    assert server.asked == []


def test_pattern(server, get, here):
    paths = get(origin="url", listed=["a.bin", "b.bin"])
    assert [path.name for path in paths] == ["a.bin", "b.bin"]
    assert get(["b.bin"], origin="url") == paths[1:]
    assert server.asked.count("b.bin") == 1  # pinned by its first hash
    with pytest.raises(ValueError, match=r"say which files, \{name\}.bin"):
        get(origin="url")
    with pytest.raises(ValueError, match=r"'a.txt' is not a file of it; expected \{name\}.bin"):
        get(["a.txt"], origin="url")
    assert get(["*.bin"], origin="url") == paths


def test_published_hash_of_a_pattern(server, get, here):
    good = f"sha256:{sha256(server.files['b.bin']).hexdigest()}"
    text = server.text("url", listed=["b.bin"]) + f'[hashes]\n"b.bin" = "{good}"\n'
    bad = text.replace(good, f"sha256:{64 * '0'}")
    with pytest.raises(FetchError, match=f"expected sha256:{64 * '0'}"):
        fetch_from(parse("test", bad), None, data_folder("x"), progress=False)
    (path,) = fetch_from(parse("test", text), None, data_folder("y"), progress=False)
    assert path.read_bytes() == server.files["b.bin"]


def test_generated_is_not_fetched(get):
    with pytest.raises(ValueError, match="test is made, not fetched: run it"):
        get(origin="generated", how="run it")


def test_by_hand(get, tmp_path):
    by_hand = {"origin": "by hand", "how": "Register.", "page": "https://example.org"}
    with pytest.raises(FileNotFoundError, match=r"Register\. Put the files into .*data and fetch"):
        get(**by_hand)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "g.hdf5").write_bytes(b"1")
    (tmp_path / "data" / ".hidden").write_bytes(b"1")
    assert get(**by_hand) == [tmp_path / "data" / "g.hdf5"]
    with pytest.raises(ValueError, match=r"no file 'x'; there are g.hdf5"):
        get(["x"], **by_hand)


def test_two_at_once_download_once(server, get):
    server.faults.extend([throttled(0.05)] * 3)
    results, threads = [], []
    for _ in range(2):
        threads.append(threading.Thread(target=lambda: results.append(get())))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert results[0] == results[1]
    assert sorted(server.asked) == ["a.bin", "b.bin", "notes.txt"]


def test_first_failure_ends_the_others_and_they_go_on_later(server, get, here):
    server.files = {"slow.bin": bytes(4_000_000), "gone.bin": b"x"}

    def fault(handler, content):
        if "gone" in handler.path:
            time.sleep(0.1)
            status(404)(handler, content)
        else:
            throttled(0.02)(handler, content)

    server.faults.extend([fault, fault])
    with pytest.raises(FetchError, match="there is no such file"):
        get()
    assert here() == [".slow.bin.partial", ".slow.bin.partial.json"]
    server.seen.clear()
    get()
    assert here() == ["gone.bin", "slow.bin"]
    first = server.ranges_asked[server.asked.index("slow.bin")]
    assert int(first.removeprefix("bytes=").removesuffix("-")) > 0


# -- records


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "is not as documented"),
        ({"files": []}, "lists no files; they may not be public"),
        ({"files": "x"}, "is not as documented"),
        ({"files": [{"key": "a"}]}, "is not as documented"),
        ("entry", "could leave its folder"),
        ("size", "gives 'a' the size -1"),
        ("checksum", "gives 'a' the checksum 'md5:12'"),
        ("link", "should begin with https://"),
        ("twice", "lists a file twice"),
    ],
)
def test_bad_records(server, get, here, record, message):
    entry = {"key": "a", "size": 1, "checksum": f"md5:{32 * '0'}", "links": {"self": server.url}}
    change = {
        "entry": {"key": "x/../../a"},
        "size": {"size": -1},
        "checksum": {"checksum": "md5:12"},
        "link": {"links": {"self": "http://example.org/a"}},
    }
    if isinstance(record, str):
        record = {"files": [{**entry, **change.get(record, {})}] * (1 + (record == "twice"))}
    server.record = record
    with pytest.raises(FetchError, match=message):
        get()
    assert here() == []


def test_hidden_files_of_a_record_are_left_out(server, get, here):
    server.files[".DS_Store"] = b"x"
    get()
    assert ".DS_Store" not in here()
