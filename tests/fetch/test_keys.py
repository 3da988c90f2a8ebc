"""The key of the TNG API goes to one server, and is kept nowhere."""

import traceback

import pytest

from galflowlab.data import manifest
from galflowlab.data.fetching.client import Client
from galflowlab.data.fetching.errors import FetchError
from galflowlab.data.fetching.keys import key_for
from galflowlab.data.manifests import parse
from tests.fetch.server import cut, hang_up, redirect, status

KEY = "0123456789abcdefSECRET"
ONE = ["a.bin"]


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("TNG_API_KEY", KEY)


@pytest.fixture
def get_tng(get):
    return lambda files=None: get(files, origin="tng", how="Register.")


def keys_seen(server):
    return [headers.get("api-key") for _, headers in server.seen]


def test_key_is_sent(server, get_tng, key):
    server.faults.extend([cut(1000), redirect("/f/a.bin/content")])
    (path,) = get_tng(ONE)
    assert path.read_bytes() == server.files["a.bin"]
    assert keys_seen(server) == [KEY] * 3


def test_key_is_not_sent_on(server, new_server, get_tng, key):
    other = new_server()
    other.files = server.files
    server.faults.append(redirect(f"{other.url}/f/a.bin/content"))
    other.faults.append(redirect(f"{server.url}/f/a.bin/content"))
    get_tng(ONE)
    assert keys_seen(other) == [None]
    assert keys_seen(server) == [KEY, KEY]


def test_key_is_not_sent_to_another_name_of_the_same_machine(server, get_tng, key):
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    server.faults.append(redirect(f"{elsewhere}/f/a.bin/content"))
    get_tng(ONE)
    assert keys_seen(server) == [KEY, None]


def test_key_is_not_written(server, get_tng, key, tmp_path):
    server.faults.extend([None, cut(1000), status(404)])
    get_tng(["b.bin"])
    with pytest.raises(FetchError):
        get_tng(ONE)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == ".a.bin.partial.json" for path in files)
    for path in files:
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "fault",
    [status(401), status(403), status(404), status(500), hang_up, redirect("ftp://x")],
    ids=["401", "403", "404", "500", "hang up", "redirect"],
)
def test_key_is_not_told(server, get_tng, key, fault, caplog):
    caplog.set_level("DEBUG")
    server.faults.extend([fault] * 9)
    with pytest.raises(FetchError) as error:
        get_tng(ONE)
    told = "".join(traceback.format_exception(error.value))
    assert KEY not in told + caplog.text + repr(Client(key=KEY))


def test_refused_key(server, get_tng, key):
    server.faults.append(status(403))
    with pytest.raises(FetchError, match="the key was not accepted"):
        get_tng(ONE)


@pytest.mark.parametrize("value", ["", "  "])
def test_no_key(get_tng, monkeypatch, value):
    monkeypatch.setenv("TNG_API_KEY", value)
    with pytest.raises(ValueError, match=r"set TNG_API_KEY to your key. Register\."):
        get_tng(ONE)


def test_what_is_not_a_key_is_not_told(get_tng, monkeypatch):
    monkeypatch.setenv("TNG_API_KEY", f"{KEY}\r\nEvil: 1")
    with pytest.raises(ValueError, match="characters that no key has") as error:
        get_tng(ONE)
    assert KEY not in str(error.value)


def test_key_goes_to_tng_only(server, key):
    text = server.text("tng", how="h", url="https://example.org/{name}")
    with pytest.raises(ValueError, match=r"the key of TNG goes to www.tng-project.org only"):
        key_for(parse("x", text))
    assert key_for(manifest("tng")) == KEY
    assert key_for(manifest("nihao")) == ""
