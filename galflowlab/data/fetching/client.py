"""A patient client of a web server: redirects, refusals, waits, and a key that stays at home."""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import json
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin

import requests
import urllib3

from galflowlab._version import __version__
from galflowlab.data.addresses import checked, is_loopback, server, shown
from galflowlab.data.fetching.errors import FetchError, PassingError, StoppedError

T = TypeVar("T")

_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 5
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_LARGEST_ANSWER = 32 * 2**20  # bytes of JSON; a record of thousands of files has a few million


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server [s], and how often to ask it again."""

    connect: float = 15.0
    read: float = 30.0  # without a single byte
    attempts: int = 5  # one after the other that bring nothing
    first_wait: float = 1.0  # doubles from one attempt to the next
    longest_wait: float = 300.0


@dataclass(frozen=True)
class Client:
    """What asks servers.

    Parameters
    ----------
    patience
        With slow and failing servers.
    key
        Goes as the header ``api-key`` to the server that is asked, and to no server that
        it redirects to.
    stop
        Set from another thread, it ends waits and downloads.
    """

    patience: Patience = Patience()
    key: str = field(default="", repr=False)
    stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def open(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[requests.Response]:
        """Ask once; the answer has status 200, 206 or 416 and its body is still to be read.

        Raises
        ------
        PassingError
            If it may help to ask again.
        FetchError
            If not.
        """
        here = url
        with requests.Session() as session:
            for _ in range(_HOPS + 1):
                with self._ask(session, here, url, headers or {}) as response:
                    if response.status_code not in _REDIRECTS:
                        self._check(response, here)
                        yield response
                        return
                    here = _target(here, response.headers.get("Location", ""))
        raise FetchError(f"{shown(url)}: more than {_HOPS} redirects")

    def json(self, url: str) -> Any:
        """Return what `url` holds, asking again while it may help."""
        return self.insist(lambda: self._json(url))

    def insist(self, work: Callable[[], T]) -> T:
        """Call `work` until it raises no `PassingError`; wait between the attempts."""
        failures = 0
        while True:
            if self.stop.is_set():
                raise StoppedError("stopped")
            try:
                return work()
            except PassingError as error:
                failures = 1 if error.progress else failures + 1
                wait = self.patience.first_wait * 2 ** (failures - 1)
                if error.wait is not None and error.wait > self.patience.longest_wait:
                    raise FetchError(f"{error}; it asks to wait {error.wait:.0f} s") from None
                if failures >= self.patience.attempts:
                    raise FetchError(f"{error}; gave up after {failures} attempts") from None
                wait = min(wait if error.wait is None else error.wait, self.patience.longest_wait)
            self.stop.wait(wait)

    def read(self, response: requests.Response, size: int) -> Generator[bytes, None, None]:
        """Yield the bytes of a body as they arrive and as they are stored on the server."""
        try:
            while chunk := response.raw.read1(size, decode_content=False):
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            why = type(error).__name__
            raise PassingError(f"{shown(response.url)}: the connection broke ({why})") from None

    def _ask(
        self, session: requests.Session, here: str, first: str, headers: Mapping[str, str]
    ) -> requests.Response:
        sent = {"User-Agent": f"galflowlab/{__version__}", "Accept-Encoding": "identity", **headers}
        if self.key and server(here) == server(first):
            sent["api-key"] = self.key
        try:
            return session.get(
                checked(here),
                headers=sent,
                stream=True,
                allow_redirects=False,
                timeout=(self.patience.connect, self.patience.read),
            )
        except requests.exceptions.SSLError:
            raise FetchError(f"{shown(here)}: its certificate is not valid") from None
        except requests.Timeout:
            raise PassingError(f"{shown(here)}: the server did not answer in time") from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            raise PassingError(f"{shown(here)}: the server cannot be reached") from None
        except (requests.RequestException, ValueError) as error:
            # The text of the error may hold the address with its query.
            why = type(error).__name__
            raise FetchError(f"{shown(here)}: the request failed ({why})") from None

    def _check(self, response: requests.Response, url: str) -> None:
        status = response.status_code
        if status in (200, 206, 416):
            return
        text = f"{shown(url)}: the server answered {status} {response.reason or ''}".rstrip()
        if status in _PASSING:
            raise PassingError(text, wait=_retry_after(response.headers.get("Retry-After", "")))
        if status in (401, 403):
            text += ": the key was not accepted" if self.key else ": it asks for permission"
        if status in (404, 410):
            text += ": there is no such file"
        raise FetchError(text)

    def _json(self, url: str) -> Any:
        body = bytearray()
        with self.open(url, {"Accept": "application/json"}) as response:
            for chunk in self.read(response, 2**16):
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise FetchError(f"{shown(url)}: more than {_LARGEST_ANSWER} bytes of JSON")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise FetchError(f"{shown(url)}: the answer is not JSON") from None


def _target(here: str, location: str) -> str:
    there = urljoin(here, location)
    try:
        checked(there)
        if not location or (is_loopback(there) and not is_loopback(here)):
            raise ValueError
    except ValueError:
        raise FetchError(f"{shown(here)}: redirects to {shown(there)!r}, not followed") from None
    return there


def _retry_after(text: str) -> float | None:
    """Seconds that a server asks to wait, given as a number or as a date."""
    if text.strip().isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or datetime.UTC)
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())
