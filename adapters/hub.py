"""Fetching an adapter from the hub: three files, never a pickle, and only when the user names it."""

import re
import shutil
from pathlib import Path

from adapters.errors import ModelError, first_line
from adapters.weights import CONFIG, WEIGHTS

__all__ = ["fetch_adapter", "is_hub_id"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")


def is_hub_id(text: str) -> bool:
    """True for `owner/name`."""
    return _ID.fullmatch(text) is not None


def fetch_adapter(repository: str, target: Path) -> None:
    """Put a hub repository's configuration, safetensors and README into the new folder `target`.

    Errors: ModelError, with the remedy, without a network, a repository, access, or safetensors.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = (CONFIG, WEIGHTS, "README.md")
    try:
        found = Path(snapshot_download(repository, allow_patterns=list(wanted)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        first = first_line(error).rstrip(".")
        raise ModelError(
            f"cannot get {repository} from the hub: {first}; check the name, your network and your "
            "access, or give a folder"
        ) from None
    if not (found / WEIGHTS).is_file():
        raise ModelError(
            f"{repository} has no {WEIGHTS}: pickled or full weights are not taken; ask its owner to "
            "save the adapter as safetensors"
        )
    target.mkdir()
    for name in wanted:
        if (found / name).is_file():
            shutil.copyfile(found / name, target / name)
