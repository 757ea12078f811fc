"""Where a server is, what opens it, and how patient to be with it."""

import base64
import ipaddress
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from bench.errors import UsageError

__all__ = ["Patience", "Url", "read_key"]


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to go on. Times in seconds.

    attempts: sends of one request; timeout: of one send; first, longest: waits between two sends, doubling;
    failures: in a row, after which an endpoint rests; outage: with no endpoint up, after which all ends.
    """

    attempts: int = 8
    timeout: float = 300.0
    first: float = 0.5
    longest: float = 30.0
    failures: int = 5
    outage: float = 300.0

    def wait(self, number: int) -> float:
        """Seconds before send number + 1 (number from 1): between half of the doubled time and all of it."""
        most = min(self.longest, self.first * 2.0 ** min(number - 1, 30))
        return most * random.uniform(0.5, 1.0)


@dataclass(frozen=True)
class Url:
    """The base of an API, without credentials: `http://host:8000/v1`; headers: made from those it had."""

    text: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(cls, given: str) -> "Url":
        """From what a user gives; `/v1` is added where there is no path. Errors: UsageError."""
        try:
            url = httpx2.URL(given.strip())
        except (httpx2.InvalidURL, ValueError):
            url = httpx2.URL("")
        if url.scheme not in ("http", "https") or not url.host:
            raise UsageError("--base-url must be a whole URL, such as http://127.0.0.1:8000")
        if url.query or url.fragment:
            raise UsageError("--base-url must have no ? or #")
        headers = {}
        if url.userinfo:
            pair = f"{url.username}:{url.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            url = url.copy_with(userinfo=b"")
        path = url.path.rstrip("/")
        return cls(str(url.copy_with(path=path or "/v1")), headers)

    @property
    def root(self) -> str:
        """The URL without its last part where that names a version: `http://host:8000`."""
        return self.text.removesuffix("/v1")

    @property
    def local(self) -> bool:
        """True for this machine, which no proxy leads to."""
        host = httpx2.URL(self.text).host
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def read_key(name: str, default: str) -> str | None:
    """The API key in an environment variable, or None. Errors: UsageError if one was named and is not set."""
    key = os.environ.get(name, "").strip()
    if not key and name != default:
        raise UsageError(f"--api-key-env {name}: there is no such environment variable")
    if not key.isascii() or not key.isprintable():
        raise UsageError(f"{name} holds no API key (it is not plain text)")
    return key or None
