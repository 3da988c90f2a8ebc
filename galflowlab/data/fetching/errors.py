"""What can go wrong when data are fetched."""

from __future__ import annotations


class FetchError(OSError):
    """Data could not be fetched; what is there already is as it was."""


class OfflineError(FetchError):
    """Data are not here, and the network is not to be used."""


class HashMismatchError(FetchError):
    """A file is not the one that was published, or not the one that was fetched before."""


class StoppedError(FetchError):
    """Another file of the same data set failed, or the user interrupted."""


class PassingError(Exception):
    """A failure that may be gone when it is tried again."""

    def __init__(self, why: str, *, wait: float | None = None, progress: bool = False) -> None:
        super().__init__(why)
        self.wait = wait  # for how long the server wants to be left alone [s]
        self.progress = progress  # whether the attempt has brought something
