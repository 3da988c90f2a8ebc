"""The key of the TNG API: from the environment to one server, and nowhere else."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from galflowlab.data.addresses import is_loopback
from galflowlab.data.manifests import Manifest

TNG_KEY = "TNG_API_KEY"
"""Environment variable with the user's key of https://www.tng-project.org."""

_TNG_HOST = "www.tng-project.org"


def key_for(source: Manifest) -> str:
    """Return the key that fetching `source` needs; empty if it needs none.

    Raises
    ------
    ValueError
        If it is not in the environment, is not a key, or the manifest would send it to
        another server than that of TNG.
    """
    if source.origin != "tng":
        return ""
    if urlsplit(source.url).hostname != _TNG_HOST and not is_loopback(source.url):
        raise ValueError(f"{source.name}: the key of TNG goes to {_TNG_HOST} only")
    key = os.environ.get(TNG_KEY, "").strip()
    if not key:
        raise ValueError(f"{source.name}: set {TNG_KEY} to your key. {source.how}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise ValueError(f"{source.name}: {TNG_KEY} has characters that no key has")
    return key
