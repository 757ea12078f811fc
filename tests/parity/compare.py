"""Compares suites.bfcl with the verdicts that `derive.py --wheel FILE` recorded on the wheel's data.

    python tests/parity/compare.py FILE DATA_FOLDER

Exit code 1 on any difference, and when a gold answer fails that is not a known one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.parity import store
from tests.parity.ours import our_code
from tests.parity.wheel import CATEGORIES, KNOWN_FAILURES, gold_calls, items, wheel_pairs


def main() -> None:
    """Prints the counts of every category and every difference."""
    expected, folder = store.read(Path(sys.argv[1]))["groups"], Path(sys.argv[2])
    total = wrong = 0
    failed: list[str] = []
    for category in CATEGORIES:
        made = list(wheel_pairs(folder, category))
        if store.fingerprint(made) != expected[category]["fingerprint"]:
            raise SystemExit(f"{category}: the file was derived from other pairs")
        for pair, code in zip(made, store.unpack(expected[category]), strict=True):
            total += 1
            if (ours := our_code(pair)) != code:
                wrong += 1
                print(f"{category}: official {code}, ours {ours}: {pair[2]!r}")
        golds = [
            (name, our_code(("check", docs, gold_calls(docs, gold, category), gold, category)))
            for name, docs, gold in items(folder, category)
            if gold is not None
        ]
        lost = [name for name, code in golds if code != "ok"]
        failed += lost
        print(
            f"{category}: {len(made)} pairs, gold replay {len(golds) - len(lost)} of {len(golds)}"
        )
    print(f"{total} pairs, {wrong} differences; gold answers that fail: {', '.join(failed)}")
    sys.exit(wrong > 0 or set(failed) != set(KNOWN_FAILURES))


if __name__ == "__main__":
    main()
