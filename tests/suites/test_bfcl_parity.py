"""suites.bfcl gives the verdicts that the official checker gave (tests/parity/derive.py)."""

import pytest

from tests.parity import store
from tests.parity.ours import our_code
from tests.parity.pairs import EXPECTATIONS, GROUPS, pairs

EXPECTED = store.read(EXPECTATIONS)["groups"]
# Texts that our small Java and JavaScript parsers do not read: at most so many, and each is marked.
REFUSED = {"decode java": 882, "decode javascript": 1042}


@pytest.mark.parametrize("group", [g for g in GROUPS if g != "decode refused"])
def test_verdicts_are_identical(group: str) -> None:
    made = list(pairs(group))
    assert store.fingerprint(made) == EXPECTED[group]["fingerprint"], (
        "the pairs are not those of the file"
    )
    refused, different = 0, []
    for pair, code in zip(made, store.unpack(EXPECTED[group]), strict=True):
        ours = our_code(pair)
        if ours == "refused":
            refused += 1
        elif ours != code:
            different.append((code, ours, pair))
    assert different == []
    assert refused <= REFUSED.get(group, 0)


def test_nothing_is_evaluated() -> None:
    assert {our_code(pair) for pair in pairs("decode refused")} == {"refused"}


def test_all_quirks_are_covered() -> None:
    assert set(EXPECTED) == set(GROUPS)
    assert sum(group["pairs"] for group in EXPECTED.values()) >= 30_000
    codes = {
        code for group in EXPECTED.values() if "codes" in group for code in store.unpack(group)
    }
    rules = {code.split(":")[0] for code in codes if code[0] not in "=!"}
    assert rules >= {
        "type_error",
        "value_error",
        "ast_decoder",
        "irrelevance_error",
        "relevance_error",
    }
    assert {code for code in codes if code.startswith("!")} >= {
        "!KeyError",
        "!TypeError",
        "!ValueError",
    }
