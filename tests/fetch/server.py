"""A web server on this machine that imitates Zenodo's API and files, with faults on demand."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from galflowlab.data.manifests import Manifest, parse

RECORD = "123"

MANIFEST = """
title = "t"
description = "d"
origin = "{origin}"
{entries}
files = "f"
licence = "See the record."
citation = ["Author 2024"]
cosmology = "c"
units = "u"
know_before_use = ["k"]
"""

Fault = Callable[["Handler", bytes], None]


class Server(ThreadingHTTPServer):
    """Serves `files`; each request of a file first takes one of `faults`, if there is one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: deque[Fault | None] = deque()
        self.record_faults: deque[Fault] = deque()
        self.checksums: dict[str, str] = {}  # wrong ones that the record tells
        self.record: object = None  # instead of the right one
        self.ranges = True
        self.validators = True
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address) -> None:
        """Clients hang up here, on purpose."""

    @property
    def asked(self) -> list[str]:
        """Files that were asked for."""
        return [path.split("/")[-2] for path, _ in self.seen if path.endswith("/content")]

    @property
    def ranges_asked(self) -> list[str]:
        """Range header of each request of a file, empty without one."""
        return [h.get("Range", "") for path, h in self.seen if path.endswith("/content")]

    def text(self, origin: str = "zenodo", **more: str) -> str:
        """TOML of a manifest that points here."""
        entries = {
            "zenodo": {"doi": f"10.5281/zenodo.{RECORD}", "api": f"{self.url}/api/records"},
            "url": {"url": f"{self.url}/f/{{name}}.bin/content", "file_name": "{name}.bin"},
            "tng": {"url": f"{self.url}/f/{{name}}.bin/content", "file_name": "{name}.bin"},
        }.get(origin, {})
        lines = [f"{k} = {json.dumps(v)}" for k, v in {**entries, **more}.items()]
        return MANIFEST.format(origin=origin, entries="\n".join(lines))

    def manifest(self, origin: str = "zenodo", name: str = "test", **more) -> Manifest:
        """A manifest that points here."""
        return parse(name, self.text(origin, **more))

    def record_json(self) -> dict:
        """What Zenodo tells of a record, shortened."""
        files = [
            {
                "id": f"id-{key}",
                "key": key,
                "size": len(content),
                "checksum": self.checksums.get(key, f"md5:{md5(content).hexdigest()}"),
                "links": {"self": f"{self.url}/api/records/{RECORD}/files/{key}/content"},
            }
            for key, content in self.files.items()
        ]
        metadata = {"title": "t", "license": {"id": "cc-by-4.0"}}
        return {"id": int(RECORD), "metadata": metadata, "files": files}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.seen.append((path, dict(self.headers)))
        if path == f"/api/records/{RECORD}":
            if self.server.record_faults:
                self.server.record_faults.popleft()(self, b"")
                return
            told = self.server.record_json() if self.server.record is None else self.server.record
            self.send(json.dumps(told).encode(), {"Content-Type": "application/json"})
            return
        name = path.split("/")[-2] if path.endswith("/content") else ""
        if name not in self.server.files:
            self.send(b"no", status=404)
            return
        content = self.server.files[name]
        fault = self.server.faults.popleft() if self.server.faults else None
        if fault is not None:
            fault(self, content)
        else:
            self.send_file(content)

    def send(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def asked_start(self, content: bytes) -> int:
        """First byte that this request asks for, by Range and If-Range."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range", tag(content))
        return int(found[1]) if found and self.server.ranges and condition == tag(content) else 0

    def send_head(self, content: bytes, start: int) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.server.validators:
            self.send_header("ETag", tag(content))
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()

    def send_file(self, content: bytes, *, stop_after: int | None = None, pause: float = 0) -> None:
        start = self.asked_start(content)
        if start >= len(content) and start:
            self.send(b"?", {"Content-Range": f"bytes */{len(content)}"}, 416)
            return
        self.send_head(content, start)
        end = len(content) if stop_after is None else start + stop_after
        for i in range(start, min(end, len(content)), 2**16):
            self.wfile.write(content[i : min(i + 2**16, end)])
            self.wfile.flush()
            time.sleep(pause)
        if stop_after is not None:
            self.close_connection = True


def tag(content: bytes) -> str:
    return f'"{md5(content).hexdigest()}"'


def status(code: int, headers: dict[str, str] | None = None) -> Fault:
    return lambda handler, content: handler.send(b"no", headers, code)


def cut(after: int) -> Fault:
    """Promise all, send `after` bytes, hang up."""
    return lambda handler, content: handler.send_file(content, stop_after=after)


def throttled(pause: float) -> Fault:
    """Wait [s] after every 64 kB."""
    return lambda handler, content: handler.send_file(content, pause=pause)


def hang_up(handler: Handler, content: bytes) -> None:
    handler.close_connection = True


def stall(after: int, seconds: float) -> Fault:
    """Send `after` bytes and nothing more for `seconds`."""

    def fault(handler: Handler, content: bytes) -> None:
        handler.send_head(content, 0)
        handler.wfile.write(content[:after])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True

    return fault


def redirect(url: str, code: int = 302) -> Fault:
    return lambda handler, content: handler.send(b"", {"Location": url}, code)


def serve(server: Server) -> threading.Thread:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.daemon = True
    thread.start()
    return thread
