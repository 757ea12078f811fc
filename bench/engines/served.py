"""What a server serves: its list of models, the name of a target in it, and targets that it alone knows."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters import Adapter, Model, Target, serving_name
from bench.engines.address import Patience, Url, read_key
from bench.engines.base import KEY, EngineOptions
from bench.engines.endpoints import Endpoint, NoReplyError, Pool, RefusedError
from bench.engines.loop import complete
from bench.errors import InfrastructureError, UsageError
from suites.model import content_hash

__all__ = [
    "SERVED",
    "Listed",
    "Listing",
    "adapter_entry",
    "base_entry",
    "connect",
    "look",
    "patience_of",
    "read_listing",
    "served_adapter",
    "served_base",
]

SERVED = "served:"
"""How the hash begins of weights that only a server has."""
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One entry of /v1/models; root: where its weights lie there; parent: of an adapter, its base's name."""

    id: str
    root: str | None = None
    parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What one endpoint serves; version: the server's own, `unknown` where it tells none."""

    url: str
    models: tuple[Listed, ...]
    version: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The names that the `model` field may have."""
        return tuple(m.id for m in self.models)


def patience_of(options: EngineOptions) -> Patience:
    """The part of the options that says how long to go on."""
    return Patience(attempts=options.attempts, timeout=options.timeout, outage=options.outage)


def connect(options: EngineOptions, patience: Patience, **more: Any) -> Pool:
    """A pool of the endpoints in the options. Errors: UsageError."""
    given = [part for text in options.base_url for part in text.split(",") if part.strip()]
    if not given:
        raise UsageError("--engine server needs --base-url URL (callbench serve starts a server)")
    urls = list(dict.fromkeys(Url.of(text) for text in given))
    key = read_key(options.api_key_env, KEY)
    return Pool(urls, patience, key=key, concurrency=options.concurrency, **more)


def look(options: EngineOptions, patience: Patience | None = None) -> list[Listing]:
    """What every endpoint that answers serves, at least one. Errors: InfrastructureError, UsageError."""
    pool = connect(options, patience or patience_of(options))

    async def ask() -> list[Listing]:
        found: list[Listing] = []
        silent: list[NoReplyError] = []
        async with pool:
            for endpoint in pool.endpoints:
                try:
                    found.append(await read_listing(pool, endpoint, attempts=_ATTEMPTS))
                except NoReplyError as error:
                    silent.append(error)
        if not found:
            raise InfrastructureError(f"{silent[0]}; callbench serve starts a server")
        return found

    found = complete(ask)
    versions = sorted({x.version for x in found})
    if len(versions) > 1:
        raise UsageError(f"the servers are of different versions ({', '.join(versions)})")
    return found


async def read_listing(pool: Pool, endpoint: Endpoint, *, attempts: int = 1) -> Listing:
    """/v1/models and /version of an endpoint.

    Errors: NoReplyError with the URL; UsageError for an endpoint that does not speak OpenAI's API.
    """
    url = endpoint.url.text
    try:
        raw = await pool.get(endpoint, f"{url}/models", attempts=attempts)
    except NoReplyError as error:
        if "no JSON" in str(error):
            raise UsageError(f"{url} does not speak OpenAI's API: at /models {error}") from None
        raise NoReplyError(f"{url} does not answer: {error}") from None
    except RefusedError as error:
        if error.status in (401, 403):
            raise UsageError(
                f"{url} {error}; --api-key-env names the variable of the key"
            ) from None
        raise UsageError(f"{url} does not speak OpenAI's API: /models {error}") from None
    entries = raw.get("data") if isinstance(raw, dict) else None
    if not isinstance(entries, list) or not all(
        isinstance(e, dict) and isinstance(e.get("id"), str) for e in entries
    ):
        raise UsageError(f"{url} does not speak OpenAI's API: /models lists no models")
    try:
        told = await pool.get(endpoint, f"{endpoint.url.root}/version", attempts=attempts)
    except (RefusedError, NoReplyError):
        told = None
    version = told.get("version") if isinstance(told, dict) else None
    return Listing(
        url=url,
        models=tuple(
            Listed(id=e["id"], root=_text(e.get("root")), parent=_text(e.get("parent")))
            for e in entries
        ),
        version=version if isinstance(version, str) else "unknown",
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def base_entry(model: Model, folder: Path | None, listing: Listing) -> Listed:
    """The entry of a base: by its name, where it comes from, its folder, or the root that the server tells.

    Errors: UsageError with what is served.
    """
    names = [model.name, model.where, *([str(folder), str(folder.resolve())] if folder else [])]
    for name in names:
        for entry in listing.models:
            if entry.id == name or (entry.root == name and entry.parent is None):
                return entry
    raise _missing(f"model {model.name!r}", listing, f"callbench serve --model {model.where}")


def adapter_entry(adapter: Adapter, base: Listed, listing: Listing) -> Listed:
    """The entry of an adapter: its serving name (which holds its hash), else its plain name.

    One that only the server knows also by the part of its serving name before the hash, if that is clear.
    Errors: UsageError if it is not served, or as an adapter of another base.
    """
    if adapter.hash.startswith(SERVED):
        longer = [i for i in listing.ids if i.rpartition("@")[0] == adapter.name]
        names = [adapter.name, *(longer if len(longer) == 1 else [])]
    else:
        names = [serving_name(adapter), adapter.name]
    entries = {entry.id: entry for entry in listing.models}
    found = next((entries[n] for n in names if n in entries), None)
    if found is None:
        remedy = f"callbench serve --model {base.id} --adapters {adapter.name}"
        raise _missing(f"adapter {names[0]!r}", listing, remedy)
    if found.id == base.id:
        raise UsageError(f"{found.id!r} is the base on {listing.url}, not an adapter of it")
    if found.parent is not None and found.parent not in (base.id, base.root):
        raise UsageError(
            f"adapter {found.id!r} is served on {found.parent!r} at {listing.url}, not on {base.id!r}"
        )
    return found


def _missing(what: str, listing: Listing, remedy: str) -> UsageError:
    shown = ", ".join(listing.ids[:8]) or "nothing"
    more = ", …" if len(listing.ids) > 8 else ""
    return UsageError(f"{listing.url} does not serve {what}, but {shown}{more}; {remedy} would")


def served_base(model: Model, dialect: str, listing: Listing) -> Target:
    """A target whose weights only the server has. Errors: UsageError if it is not served.

    Its hash is `served:` and the sha256 of name, root and server version: nothing of the weights.
    """
    base = base_entry(model, None, listing)
    known = f"{SERVED}{content_hash([base.id, base.root, listing.version])}"
    found = Model(name=model.name, source="served", where=base.id, dialect=dialect)
    return Target(model=found, folder=Path(base.id), hash=known, dialect=dialect)


def served_adapter(name: str, target: Target, listing: Listing) -> Adapter:
    """An adapter that only the server has; its folder is its name there, its hash as a served base's.

    Errors: UsageError if it is not served.
    """
    folder = None if target.model.source == "served" else target.folder
    base = base_entry(target.model, folder, listing)
    asked = Adapter(name=name, folder=Path(name), hash=SERVED, base=target.model.name, rank=0)
    entry = adapter_entry(asked, base, listing)
    known = f"{SERVED}{content_hash([target.hash, entry.id, entry.root])}"
    return replace(asked, name=entry.id, folder=Path(entry.id), hash=known)
