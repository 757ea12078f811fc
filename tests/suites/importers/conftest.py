"""What the tests of the importers share: sources in memory, the law of a sound import, public data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suites.baselines import gold_reply
from suites.health import check_case
from suites.importers import Imported, Source
from suites.judge import judge

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="session")
def source_of() -> Callable[..., Source]:
    """source_of({name: content}) -> Source. Text stays; `.jsonl` takes rows; else one JSON value."""

    def build(files: dict[str, Any], name: str = "given") -> Source:
        texts = {
            k: v
            if isinstance(v, str)
            else "".join(json.dumps(r) + "\n" for r in v)
            if k.endswith(".jsonl")
            else json.dumps(v)
            for k, v in files.items()
        }
        return Source(name=name, names=tuple(texts), _read=lambda n: texts[n].encode())

    return build


@pytest.fixture(scope="session")
def sound() -> Callable[[Imported], int]:
    """sound(imported) -> mutations judged: every law that an imported suite must keep."""

    def check(imported: Imported) -> int:
        ids = [c.id for c in imported.cases]
        assert len(set(ids)) == len(ids)
        assert {c.category for c in imported.cases} == set(imported.categories)
        excluded = {i for _, found in imported.exclusions.values() for i in found}
        assert excluded <= set(ids)
        assert all(meaning and found for meaning, found in imported.exclusions.values())
        assert all(s.where and s.why for s in imported.skipped)
        tried = 0
        for case in imported.cases:
            if case.id not in excluded:
                assert judge(case, gold_reply(case)).passed
                count, findings = check_case(case)
                assert [f for f in findings if f.level == "error"] == []
                tried += count
        return tried

    return check


@pytest.fixture
def public_data() -> Callable[[str], str]:
    """public_data(folder) -> path of published data; skips the test where they are not there."""

    def find(folder: str) -> str:
        path = DATA / folder
        if not path.is_dir():
            pytest.skip(f"the published data {folder} are not here (../shared/data/{folder})")
        return str(path)

    return find
