"""Asks the official checker of bfcl-eval for its verdicts and writes them down.

    python3 -m venv VENV
    VENV/bin/pip install --no-deps bfcl-eval==2026.3.23
    VENV/bin/pip install filelock python-dotenv tenacity tree_sitter==0.21.3 \\
        tree_sitter_java==0.21.0 tree_sitter_javascript==0.21.4
    VENV/bin/python tests/parity/derive.py                  # writes expectations.json.xz (committed)
    VENV/bin/python tests/parity/derive.py --wheel FILE     # verdicts on the wheel's own data, for compare.py

The pairs of the committed file are made from a seed (pairs.py); none comes from the wheel's data.
"""

import argparse
import contextlib
import io
import sys
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.parity import store
from tests.parity.official import official_code
from tests.parity.pairs import EXPECTATIONS, GROUPS, SEED, pairs
from tests.parity.wheel import CATEGORIES, data_folder, wheel_pairs

NOT_ASKED = ("decode refused",)  # the official decoder would run these texts


def main() -> None:
    """Writes one file of expectations and prints the counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--wheel", type=Path, metavar="FILE", help="verdicts on the wheel's data instead"
    )
    wheel = parser.parse_args().wheel
    content = {
        "source": f"bfcl-eval {version('bfcl-eval')}",
        "python": sys.version.split()[0],
        "seed": SEED,
    }
    groups = {}
    for name in CATEGORIES if wheel else GROUPS:
        made = list(wheel_pairs(data_folder(), name) if wheel else pairs(name))
        group = {"pairs": len(made), "fingerprint": store.fingerprint(made)}
        if name not in NOT_ASKED:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                codes = [official_code(pair) for pair in made]
            group |= store.pack(codes)
            print(f"{name:24} {count(codes)}")
        groups[name] = group
    store.write(wheel or EXPECTATIONS, {**content, "groups": groups})


def count(codes: list[str]) -> str:
    """How many are valid (or decoded), invalid (or not decoded) and crashes."""
    kinds = Counter(_kind(code) for code in codes)
    return f"valid {kinds['valid']:5} invalid {kinds['invalid']:5} crash {kinds['crash']:5}  of {len(codes)}"


def _kind(code: str) -> str:
    if code.startswith("!"):
        return "crash"
    return "valid" if code == "ok" or code.startswith("=") else "invalid"


if __name__ == "__main__":
    main()
