"""What a page of Voila does on the wire: draw the notebook, then talk to its kernel in JSON."""

import hashlib
import itertools
import json
import re
import struct
import time
import urllib.error
import urllib.request
import uuid

import websocket

PROTOCOL = "v1.kernel.websocket.jupyter.org"
TIMEOUT = 90.0  # s


class Page:
    """An app on a Voila server; sends only what it is told to, as a hostile page might.

    Parameters
    ----------
    url
        Of the server.

    Attributes
    ----------
    kernel
        Id of its kernel.
    html
        What the server sent.
    states
        State of each widget by its id, kept up to date with what has been received.
    """

    def __init__(self, url):
        self.url, self.states, self.pixels = url, {}, {}
        self.html = drawn(url)
        self.kernel = re.search(r'"kernelId":\s*"([\w-]+)"', self.html)[1]
        address = f"{url.replace('http', 'ws')}/api/kernels/{self.kernel}/channels"
        self.socket = websocket.create_connection(
            f"{address}?session_id={uuid.uuid4().hex}", subprotocols=[PROTOCOL]
        )
        control = uuid.uuid4().hex
        self.open(control, "jupyter.widget.control", {}, version="1.0.0")
        self.comm(control, {"method": "request_states"})
        states = self.wait(lambda m: data_of(m).get("method") == "update_states", "states")
        self.states = {k: v["state"] for k, v in data_of(states)["states"].items()}

    def send(self, kind, content, *, channel="shell", metadata=None):
        """Send any message; returns its id."""
        message = uuid.uuid4().hex
        header = {"msg_id": message, "msg_type": kind, "session": "page", "username": "visitor"}
        header |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
        parts = (header, {}, metadata or {}, content)
        self.socket.send_binary(encode(channel, *map(json.dumps, parts)))
        return message

    def open(self, comm, target, data, *, version="2.1.0"):
        content = {"comm_id": comm, "target_name": target, "data": data}
        return self.send("comm_open", content, metadata={"version": version})

    def comm(self, comm, data):
        return self.send("comm_msg", {"comm_id": comm, "data": data})

    def update(self, widget, **state):
        """Set traits of a widget, as its view does."""
        return self.comm(widget, {"method": "update", "state": state, "buffer_paths": []})

    def click(self, css):
        return self.comm(self.widget(css), {"method": "custom", "content": {"event": "click"}})

    def receive(self, seconds=TIMEOUT):
        """The next message."""
        self.socket.settimeout(seconds)
        raw = self.socket.recv()
        message, buffers = decode(raw)
        data = data_of(message)
        if data.get("method") == "update":
            widget = message["content"]["comm_id"]
            self.states.setdefault(widget, {}).update(data["state"])
            for path, buffer in zip(data.get("buffer_paths", []), buffers, strict=True):
                if path == ["pixels"]:
                    self.pixels[widget] = hashlib.sha256(buffer).hexdigest()
        return message | {"buffers": buffers}

    def wait(self, predicate, what):
        """The next message that fits."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            message = self.receive(deadline - time.monotonic())
            if predicate(message):
                return message
        raise AssertionError(f"no {what} in {TIMEOUT} s")

    def answered(self, message):
        """Wait until the kernel has dealt with a message; returns all that came meanwhile."""
        came = []

        def idle(m):
            came.append(m)
            done = m["msg_type"] == "status" and m["content"]["execution_state"] == "idle"
            return done and m["parent_header"].get("msg_id") == message

        self.wait(idle, f"answer to {message}")
        return came

    def widget(self, css):
        """Id of the first widget with a CSS class."""
        return next(k for k, v in self.states.items() if css in (v.get("_dom_classes") or ()))

    def state(self, css):
        return self.states[self.widget(css)]

    def leave(self):
        """Without a word: all that Voila's own page achieves when it is closed."""
        self.socket.close()


def drawn(url):
    """A page as the server sends it, once there is a place for it.

    A place becomes free a moment after the process of its kernel has ended.
    """
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def data_of(message):
    content = message["content"]
    return content.get("data", {}) if message["msg_type"] == "comm_msg" else {}


def encode(*parts):
    """A message of the protocol's first version: where its parts begin, and the parts."""
    raw = [part.encode() for part in parts]
    places = [8 * (len(raw) + 2)]
    for part in raw:
        places.append(places[-1] + len(part))
    return struct.pack(f"<{len(places) + 1}Q", len(places), *places) + b"".join(raw)


def decode(raw):
    """A message and its buffers."""
    count = struct.unpack_from("<Q", raw)[0]
    places = struct.unpack_from(f"<{count}Q", raw, 8)
    _, *parts = (raw[a:b] for a, b in itertools.pairwise(places))
    names = ("header", "parent_header", "metadata", "content")
    texts = [part.decode(errors="replace") for part in parts[:4]]
    message = {name: json.loads(text) for name, text in zip(names, texts, strict=True)}
    return message | {"msg_type": message["header"]["msg_type"]}, parts[4:]
