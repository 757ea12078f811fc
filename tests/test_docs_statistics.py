"""docs/statistics.md: every worked example is recomputed."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
SHOWN = ("wilson", "proportion", "mcnemar_exact", "group_test", "paired_difference", "holm")
ALSO = ("detectable", "decision_quality", "pass_all", "pass_any", "disagreement", "sign_flip")


def test_every_example_of_the_page_is_what_comes_out() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried > 25) == (0, True)


def test_every_statistic_of_the_tables_has_an_example() -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = "".join(e.source for e in doctest.DocTestParser().get_examples(text))
    assert [name for name in (*SHOWN, *ALSO) if f"{name}(" not in examples] == []
