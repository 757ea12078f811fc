"""What the tests of the corpora share: the real local data, and the round trip through the dialects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.dialects import find_dialect
from suites.json_text import compact
from train.corpora import Converted, spoken
from train.examples import MASKED, encode

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def data() -> Path:
    """The folder of real public data, where there is one beside the checkout."""
    if not (DATA / "seal-tools").is_dir():
        pytest.skip("there are no public data in ../shared/data")
    return DATA


@pytest.fixture
def round_trip(tiny_tokenizer: Any) -> Callable[[Converted], None]:
    """Every example: said and read back by each dialect, and the loss on the model's own words only."""

    def check(converted: Converted) -> None:
        assert converted.examples
        for name in ("gemma", "functiongemma", "chatml"):
            dialect = find_dialect(name)
            kept = spoken(converted, dialect)
            assert [s for s in kept.skipped if s.reason == "dialect"] == []
            for example in kept.examples:
                encoded = encode(example, dialect, tiny_tokenizer)
                learned = tiny_tokenizer.decode([x for x in encoded.labels if x != MASKED])
                segments = dialect.render([example.dialogue])
                assert learned == "".join(s.text for s in segments if s.model), example.id
                assert encoded.supervised < len(encoded.input_ids)
                made = [c for m in example.dialogue.messages for c in m.calls]
                assert all(c.name in learned for c in made)
                repeated = [compact(c.arguments) for c in made]
                for message in example.dialogue.messages:
                    if message.role == "tool" and message.content not in repeated:
                        assert message.content not in learned, (name, message.content)

    return check
