"""Examples in the context: other groups, other tools, one fixed order."""

from collections import Counter

import pytest

from bench.errors import UsageError
from bench.plan import SHOT_SUITES
from bench.shots import choose_shots, finished, shot_order
from suites import Case, gold_reply, select


@pytest.fixture(scope="module")
def pool() -> list[Case]:
    return [c for part in select(SHOT_SUITES).parts for c in part.cases]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_examples_share_neither_group_nor_tool_with_the_case_or_each_other(
    pool: list[Case], count: int
) -> None:
    ordered = shot_order(pool, 0)
    for case in pool:
        together = [case, *choose_shots(case, ordered, count)]
        assert len(together) == count + 1
        assert len({c.group for c in together}) == len(together)
        names = Counter(name for c in together for name in {t.name for t in c.tools})
        assert max(names.values(), default=0) <= 1, names.most_common(1)


def test_a_tool_of_the_same_name_in_another_group_is_no_example(pool: list[Case]) -> None:
    """The first example of a case, offered to a case of another group that has its tools."""
    ordered = shot_order([c for c in pool if c.tools], 0)
    other = ordered[0].model_copy(update={"id": "mine.x", "group": "mine.x"})
    assert ordered[0] not in choose_shots(other, ordered, 2)


def test_the_own_group_is_never_an_example_even_with_other_tools(pool: list[Case]) -> None:
    ordered = shot_order([c for c in pool if c.tools], 0)
    other = ordered[0].model_copy(update={"id": "mine.x", "tools": ()})
    assert ordered[0] not in choose_shots(other, ordered, 2)


def test_examples_of_other_groups_that_share_a_tool_do_not_stand_together(
    pool: list[Case],
) -> None:
    one = next(c for c in pool if c.tools)
    twin = one.model_copy(update={"id": "mine.x", "group": "mine.x"})
    asked = one.model_copy(update={"id": "mine.y", "group": "mine.y", "tools": ()})
    assert choose_shots(asked, [one, twin], 1) == [one]
    with pytest.raises(UsageError, match="only 1 examples"):
        choose_shots(asked, [one, twin], 2)


def test_the_order_is_the_same_whatever_the_order_of_the_pool(pool: list[Case]) -> None:
    assert shot_order(pool, 0) == shot_order(pool[::-1], 0)
    assert sorted(c.id for c in shot_order(pool, 0)) == sorted(c.id for c in pool)


def test_the_seed_changes_the_order(pool: list[Case]) -> None:
    assert shot_order(pool, 0) != shot_order(pool, 1)


def test_kinds_take_turns(pool: list[Case]) -> None:
    kinds = {c.expectation.kind for c in pool}
    ordered = shot_order(pool, 0)
    assert {c.expectation.kind for c in ordered[: len(kinds)]} == kinds


def test_most_cases_share_the_same_examples(pool: list[Case]) -> None:
    ordered = shot_order(pool, 0)
    chosen = Counter(tuple(s.id for s in choose_shots(c, ordered, 3)) for c in pool)
    assert chosen.most_common(1)[0][1] > len(pool) / 2


def test_a_count_that_the_pool_cannot_give_is_refused(pool: list[Case]) -> None:
    with pytest.raises(UsageError, match=f"only .* for case {pool[0].id}, not 1000"):
        choose_shots(pool[0], shot_order(pool, 0), 1000)


def test_no_examples_are_asked_for_without_a_pool(pool: list[Case]) -> None:
    assert choose_shots(pool[0], (), 0) == []
    with pytest.raises(UsageError, match="only 0 examples"):
        choose_shots(pool[0], (), 1)


def test_a_finished_case_ends_with_its_gold_reply(pool: list[Case]) -> None:
    for case in pool:
        dialogue, gold = finished(case), gold_reply(case)
        assert dialogue.tools == case.tools
        assert dialogue.messages[:-1] == case.messages
        last = dialogue.messages[-1]
        assert (last.role, last.calls, last.content) == ("assistant", gold.calls, gold.text)
