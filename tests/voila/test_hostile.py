"""What a page must not achieve, on a server with a small notebook; and what it leaves behind."""

import contextlib
import http.client
import urllib.error
import urllib.request
import uuid
from urllib.parse import urlsplit

import psutil
import pytest
import websocket

from tests.browser.servers import app_command, voila, write_notebook
from tests.voila.page import PROTOCOL, Page, drawn
from tests.voila.processes import held, kernels, wait_for_kernels

pytestmark = pytest.mark.slow

APP = """import ipywidgets
slider = ipywidgets.IntSlider()
slider.add_class("slider")
label = ipywidgets.Label("0")
label.add_class("label")
def follow(change):
    label.value = str(change["new"])
    if change["new"] == 13:
        raise ValueError("told to nobody")
    if change["new"] == 14:
        label.send({}, [bytes(30_000_000)])
slider.observe(follow, "value")
ipywidgets.VBox([slider, label])"""
SECRET = "not for visitors"
MOST = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    app = write_notebook(folder / "app.ipynb", APP)
    for name in ("secret.txt", "secret.json", "secret.fits"):
        (folder / name).write_text(SECRET)
    (folder.parent / "above.png").write_text(SECRET)
    options = [f"--VisitorKernels.most={MOST}", "--MappingKernelManager.cull_interval=2"]
    with voila(app_command(app, *options), folder) as running:
        yield running


def follows(page, value):
    """Whether the kernel still does what it is there for."""
    page.answered(page.update(page.widget("slider"), value=value))
    return page.state("label")["value"] == str(value)


def test_nothing_that_a_page_sends_is_evaluated(server, visit):
    page, made = visit(server.url), server.folder / "evaluated"
    code = f"open({str(made)!r}, 'w')"
    execute = {"code": code, "silent": False, "user_expressions": {"x": code}}
    evaluate = {"command": "evaluate", "arguments": {"expression": code}, "seq": 1}
    for channel in ("shell", "control", "stdin"):
        page.send("execute_request", execute, channel=channel)
        page.send("debug_request", evaluate | {"type": "request"}, channel=channel)
        page.send("inspect_request", {"code": code, "cursor_pos": 4}, channel=channel)
        page.send("input_reply", {"value": code}, channel=channel)
    for target in ("os.system", "galflowlab", "__main__", code):
        page.open(uuid.uuid4().hex, target, {"code": code})
    for module, model in (("os", "system"), ("galflowlab_widgets", "Explorer"), ("", code)):
        names = {"_model_module": module, "_model_name": model, "_model_module_version": "*"}
        names |= {"_view_module": module, "_view_name": model, "_view_module_version": "*"}
        page.open(uuid.uuid4().hex, "jupyter.widget", {"state": names})
    page.update(page.widget("slider"), value=code, __class__=code, comm=code, log=code)
    page.comm(page.widget("slider"), {"method": "eval", "state": {"value": code}})
    assert follows(page, 7)
    assert not made.exists()


def test_errors_do_not_tell_about_the_machine(server, visit):
    page = visit(server.url)
    came = page.answered(page.update(page.widget("slider"), value=13))
    (error,) = [message["content"] for message in came if message["msg_type"] == "error"]
    assert "told to nobody" not in str(came)
    assert "security" in error["traceback"][0]


def test_no_page_stops_the_server_for_others(server, visit):
    """Voila and Jupyter Server alone would be busy for years with either of these."""
    page = visit(server.url)
    address = f"{server.url.replace('http', 'ws')}/api/kernels/{page.kernel}/channels"
    with pytest.raises(websocket.WebSocketBadStatusException, match="400"):
        websocket.create_connection(address)
    other = visit(server.url)
    for message in (b"", b"\xff" * 64, (1 << 60).to_bytes(8, "little") + bytes(64)):
        broken = websocket.create_connection(address, subprotocols=[PROTOCOL], timeout=20)
        broken.send_binary(message)
        with contextlib.suppress(websocket.WebSocketConnectionClosedException):
            while broken.recv():
                pass
        broken.close()
    broken = websocket.create_connection(address, subprotocols=[PROTOCOL], timeout=20)
    broken.send("{}")
    with contextlib.suppress(websocket.WebSocketConnectionClosedException):
        while broken.recv():
            pass
    assert follows(other, 5)


def test_what_a_page_does_not_read_is_not_kept(server, visit):
    assert wait_for_kernels(server.process, 0) == 0
    page, other = visit(server.url), visit(server.url)
    address = f"{server.url.replace('http', 'ws')}/api/kernels/{page.kernel}/channels"
    more = [websocket.create_connection(address, subprotocols=[PROTOCOL]) for _ in range(3)]
    with pytest.raises(websocket.WebSocketBadStatusException, match="429"):
        websocket.create_connection(address, subprotocols=[PROTOCOL])
    for _ in range(3):
        page.update(page.widget("slider"), value=14)
        page.update(page.widget("slider"), value=5)
    assert wait_for_kernels(server.process, 1) == 1  # all its connections have been closed
    assert follows(other, 6)
    for connection in more:
        connection.close()


def test_only_static_files_are_served_and_only_to_this_machine(server):
    up = ("../above.png", "%2e%2e/above.png", "..%2fabove.png", "x/../../above.png")
    there = ("secret.txt", "secret.json", "secret.fits", "app.ipynb", "server.log")
    paths = [f"/voila/files/{name}" for name in (*up, *there)]
    paths += [f"{place}{8 * '../'}etc/passwd" for place in ("/voila/static/", "/voila/files/", "/")]
    paths += [f"/voila/templates/lab/static/{8 * '%2e%2e%2f'}etc/passwd"]
    paths += ["/api/contents", "/api/contents/secret.txt", "/voila/api/contents", "/api/kernels"]
    paths += ["/api/terminals", "/secret.txt", "/?template=classic", "/voila/tree"]
    host = urlsplit(server.url)
    for path in paths:
        connection = http.client.HTTPConnection(host.hostname, host.port, timeout=60)
        connection.request("GET", path)  # as it is: urllib would tidy it
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
        connection.close()
        assert SECRET not in body, path
        assert "root:" not in body, path
        assert answer.status >= 300 or "template" in path, path
        assert "/templates/classic/" not in body  # not as the address asks
    listening = [c.laddr.ip for c in server.process.net_connections() if c.status == "LISTEN"]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_who_comes_too_many_is_told_so_and_places_become_free(server, visit):
    assert wait_for_kernels(server.process, 0) == 0
    pages = [visit(server.url) for _ in range(MOST)]
    with pytest.raises(urllib.error.HTTPError, match="503: all 3 places are taken") as full:
        urllib.request.urlopen(server.url)
    assert "all 3 places are taken, please come back" in full.value.read().decode()
    pages[0].leave()
    assert wait_for_kernels(server.process, MOST - 1) == MOST - 1
    assert follows(pages[1], 3)
    drawn(server.url)  # a page that never connects to its kernel
    assert wait_for_kernels(server.process, MOST - 1) == MOST - 1
    assert sorted(kernels(server.process)) == sorted(page.kernel for page in pages[1:])
    assert follows(pages[2], 4)


def test_loading_pages_leaves_nothing_behind(server):
    assert wait_for_kernels(server.process, 0) == 0

    def load():
        page = Page(server.url)
        assert follows(page, 1)
        page.leave()
        assert wait_for_kernels(server.process, 0) == 0

    load()
    before, others = held(server.process), len(psutil.Process().children(recursive=True))
    for _ in range(5):
        load()
    after = held(server.process)
    assert after["files"] <= before["files"]
    assert after["threads"] <= before["threads"]
    assert len(psutil.Process().children(recursive=True)) <= others
    assert not list(server.folder.rglob("kernel-*.json"))
