"""Everything that goes wrong between a server and a file."""

import email.utils
import threading
import time

import pytest

from galflowlab.data.fetching import client
from galflowlab.data.fetching.client import Client, Patience
from galflowlab.data.fetching.errors import FetchError
from tests.fetch.server import cut, hang_up, redirect, stall, status, tag

ONE = ["a.bin"]


def whole(server, paths):
    return [path.read_bytes() for path in paths] == [server.files[path.name] for path in paths]


def test_redirect(server, get, here):
    server.faults.extend([redirect("/elsewhere/a.bin/content"), redirect("../a.bin/content", 307)])
    assert whole(server, get(ONE))
    assert here() == ONE


def test_too_many_redirects(server, get, here):
    server.faults.extend([redirect("/f/a.bin/content")] * 9)
    with pytest.raises(FetchError, match="more than 5 redirects"):
        get(ONE)
    assert here() == []


@pytest.mark.parametrize("target", ["http://example.org/a?secret=1", "ftp://x/a", "https://", ""])
def test_redirects_that_are_not_followed(server, get, target):
    server.faults.append(redirect(target))
    with pytest.raises(FetchError, match="not followed") as error:
        get(ONE)
    assert "secret" not in str(error.value)


def test_redirect_from_outside_to_this_machine_is_not_followed():
    with pytest.raises(FetchError, match="not followed"):
        client._target("https://example.org/a", "http://127.0.0.1:1/a")


def test_dropped_connection_is_resumed(server, get, here):
    server.faults.extend([cut(100_000), cut(100_000)])
    assert whole(server, get(ONE))
    assert server.ranges_asked == ["", "bytes=100000-", "bytes=200000-"]
    conditions = [headers.get("If-Range") for _, headers in server.seen[1:]]
    assert conditions == [None, *2 * [tag(server.files["a.bin"])]]
    assert here() == ONE


def test_truncated_every_time(server, get, here):
    server.ranges = False
    server.faults.extend([cut(1000)] * 9)
    with pytest.raises(FetchError, match=r"(1000 of 300000 bytes arrived|broke).*gave up after 4"):
        get(ONE)
    assert here() == [".a.bin.partial", ".a.bin.partial.json"]


def test_server_that_ignores_ranges(server, get):
    server.ranges = False
    server.faults.append(cut(100_000))
    assert whole(server, get(ONE))
    assert server.ranges_asked == ["", "bytes=100000-"]


@pytest.mark.parametrize("honest", [True, False], ids=["if-range", "wrong-206"])
def test_another_version_is_not_appended(server, get, honest, monkeypatch):
    def changed(handler, content):
        handler.send_file(content, stop_after=1000)
        server.files["a.bin"] = bytes(300_000)

    server.faults.append(changed)
    if not honest:
        monkeypatch.setattr(
            "tests.fetch.server.Handler.asked_start",
            lambda self, content: int(self.headers.get("Range", "bytes=0-")[6:-1]),
        )
    assert whole(server, get(ONE, origin="url"))


def test_without_validator_and_hash_nothing_is_resumed(server, get):
    server.validators = False
    server.faults.append(cut(1000))
    assert whole(server, get(ONE, origin="url"))
    assert server.ranges_asked == ["", ""]


def test_without_validator_the_hash_allows_to_resume(server, get):
    server.validators = False
    server.faults.append(cut(1000))
    assert whole(server, get(ONE))
    assert server.ranges_asked == ["", "bytes=1000-"]


def test_whole_partial_file(server, get, tmp_path):
    """As after being killed between the last byte and the new name."""
    server.faults.append(cut(300_000 - 1))
    server.faults.extend([status(404)])
    with pytest.raises(FetchError):
        get(ONE, origin="url")
    with (tmp_path / "data" / ".a.bin.partial").open("ab") as file:
        file.write(server.files["a.bin"][-1:])
    server.seen.clear()
    assert whole(server, get(ONE, origin="url"))
    assert server.ranges_asked == ["bytes=300000-"]


def test_partial_file_that_was_damaged(server, get, tmp_path, here):
    server.faults.extend([cut(1000), status(404)])
    with pytest.raises(FetchError):
        get(ONE)
    (tmp_path / "data" / ".a.bin.partial").write_bytes(bytes(1000))
    assert whole(server, get(ONE))
    assert here() == ONE


@pytest.mark.parametrize("notes", ["{", "[]", '{"url": "x", "validator": ""}'])
def test_damaged_notes(server, get, tmp_path, notes):
    server.faults.extend([cut(1000), status(404)])
    with pytest.raises(FetchError):
        get(ONE)
    (tmp_path / "data" / ".a.bin.partial.json").write_text(notes)
    assert whole(server, get(ONE))
    assert server.ranges_asked[-1] == ""


def test_slow_server(server, get):
    server.faults.append(stall(5000, seconds=1.0))
    assert whole(server, get(ONE))
    assert server.ranges_asked == ["", "bytes=5000-"]


def test_silent_server(server, get):
    server.faults.extend([lambda handler, content: time.sleep(0.6)] * 4)
    with pytest.raises(FetchError, match="did not answer in time; gave up after 4 attempts"):
        get(ONE)


def test_server_that_hangs_up(server, get):
    server.faults.extend([hang_up, hang_up])
    assert whole(server, get(ONE))


def test_nobody_there(server, get):
    url = "http://127.0.0.1:9/api/records"
    with pytest.raises(FetchError, match="cannot be reached; gave up after 4 attempts"):
        get(ONE, api=url)


def test_missing_file(server, get, here):
    server.faults.append(status(404))
    with pytest.raises(FetchError, match=r"a.bin/content: .*404.*: there is no such file"):
        get(ONE)
    assert here() == []
    assert len(server.asked) == 1


def test_missing_record(server, get):
    server.record_faults.append(status(404))
    with pytest.raises(FetchError, match=r"records/123: the server answered 404"):
        get(ONE)


def test_forbidden(server, get):
    server.faults.append(status(403))
    with pytest.raises(FetchError, match=r"403.*it asks for permission"):
        get(ONE)


@pytest.mark.parametrize("code", [500, 502, 503, 408])
def test_passing_failures(server, get, code):
    server.faults.extend([status(code)] * 3)
    assert whole(server, get(ONE))


def test_lasting_failure(server, get):
    server.faults.extend([status(503)] * 9)
    with pytest.raises(FetchError, match=r"503.*gave up after 4 attempts"):
        get(ONE)
    assert len(server.asked) == 4


def test_record_failures_pass_too(server, get):
    server.record_faults.extend([status(500), hang_up, status(429, {"Retry-After": "0"})])
    assert whole(server, get(ONE))


def test_record_that_is_cut_or_no_json(server, get):
    def cut_record(handler, content):
        handler.send(b"{", {"Content-Length": "100"})
        handler.close_connection = True

    server.record_faults.append(cut_record)
    server.record_faults.append(lambda handler, content: handler.send(b"<html>"))
    with pytest.raises(FetchError, match="the answer is not JSON"):
        get(ONE)
    assert not server.record_faults


def test_record_without_end(server, get, monkeypatch):
    monkeypatch.setattr(client, "_LARGEST_ANSWER", 1000)
    server.record = {"files": "x" * 2000}
    with pytest.raises(FetchError, match="more than 1000 bytes of JSON"):
        get(ONE)


class Waits(threading.Event):
    """Notes for how long it is waited, and does not."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return False


@pytest.mark.parametrize("as_date", [False, True])
def test_asked_to_wait(server, as_date):
    until = email.utils.formatdate(time.time() + 100, usegmt=True) if as_date else "100"
    server.record_faults.append(status(429, {"Retry-After": until}))
    stop = Waits()
    Client(Patience(), stop=stop).json(f"{server.url}/api/records/123")
    (wait,) = stop.waits
    assert wait == pytest.approx(100, abs=30)


def test_waits_grow_up_to_the_longest(server):
    server.record_faults.extend([status(500)] * 5)
    stop = Waits()
    Client(Patience(attempts=6, longest_wait=5), stop=stop).json(f"{server.url}/api/records/123")
    assert stop.waits == [1, 2, 4, 5, 5]


def test_asked_to_wait_too_long(server, get):
    server.faults.append(status(429, {"Retry-After": "3600"}))
    with pytest.raises(FetchError, match=r"429.*it asks to wait 3600 s"):
        get(ONE)
    assert len(server.asked) == 1


@pytest.mark.parametrize("text", ["soon", "", "-5", "1e9", "nan"])
def test_wait_that_is_not_understood(server, get, text):
    server.faults.append(status(429, {"Retry-After": text}))
    assert whole(server, get(ONE))


def test_other_size_than_in_the_record(server, get, here):
    server.faults.append(lambda handler, content: handler.send_file(content + b"x"))
    with pytest.raises(FetchError, match="expected 300000 bytes, the server has 300001"):
        get(ONE)
    assert here() == []


def chunked(*, whole):
    def fault(handler, content):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for i in range(0, len(content) if whole else 65536, 65536):
            chunk = content[i : i + 65536]
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if whole:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return fault


def test_chunks_without_length(server, get):
    server.faults.extend([chunked(whole=False), chunked(whole=True)])
    assert whole(server, get(ONE, origin="url"))
    assert not server.faults


def test_fewer_chunks_than_promised(server, get):
    server.faults.append(lambda handler, content: chunked(whole=True)(handler, content[:1000]))
    assert whole(server, get(ONE))
    assert server.ranges_asked == ["", "bytes=1000-"]


def test_more_chunks_than_promised(server, get, here):
    server.faults.append(lambda handler, content: chunked(whole=True)(handler, 2 * content))
    with pytest.raises(FetchError, match="expected 300000 bytes, the server sent more"):
        get(ONE)
    assert here() == []


def test_cut_that_would_not_be_noticed(server, get, here):
    def endless(handler, content):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    server.faults.append(endless)
    with pytest.raises(FetchError, match="tells no length, so a cut would not be noticed"):
        get(ONE, origin="url")
    assert here() == []


def test_web_page_instead_of_the_file(server, get, here):
    page = {"Content-Type": "text/html; charset=utf-8"}
    server.faults.append(lambda handler, content: handler.send(b"<html>log in", page))
    with pytest.raises(FetchError, match="a web page instead of the file"):
        get(ONE, origin="url")
    assert here() == []


def test_compressed_on_the_way_is_kept_as_stored(server, get):
    """Some servers label a .gz that way; its bytes are what the checksum is of."""
    label = {"Content-Encoding": "gzip"}
    server.faults.append(lambda handler, content: handler.send(content, label))
    assert whole(server, get(ONE))


def test_disk_that_cannot_be_written(server, get, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        get(ONE)
    assert not isinstance(error.value, FetchError)
    assert len(server.asked) == 1  # not taken for a broken connection
