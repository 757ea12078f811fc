"""docs/improve.md: its commands can be read, and what it says of the shipped adapter is true."""

import json
import re
import shlex
from pathlib import Path

import pytest

from adapters.card import load_card
from adapters.registry import SHIPPED
from bench.cli import COMMANDS, parser
from train.guard import Checked

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "improve.md").read_text(encoding="utf-8")
FOLDER = SHIPPED / "gemma-3-270m-calls"
TYPED = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("line", TYPED)
def test_every_command_of_the_page_can_be_read(line: str) -> None:
    words = shlex.split(line)
    assert words[0] == "callbench"
    assert words[1] in COMMANDS
    assert parser().parse_args(words[1:]).command == words[1]


def test_the_shipped_adapter_was_made_by_the_command_of_the_page() -> None:
    card = load_card(FOLDER)
    assert card is not None
    assert card.command in TYPED


def test_what_the_guard_kept_is_what_the_page_says() -> None:
    proof = Checked.model_validate_json((FOLDER / "guard.json").read_text("utf-8"))
    for number in (proof.seen, proof.seen - proof.kept, proof.kept):
        assert f"{number:,}" in PAGE
    assert f"{sum(suite.cases for suite in proof.suites):,} cases" in PAGE


def test_steps_examples_and_loss_are_those_of_the_training() -> None:
    lines = (FOLDER / "metrics.jsonl").read_text("utf-8").splitlines()
    steps = [json.loads(line) for line in lines]
    assert f"{len(steps)} steps, {sum(s['examples'] for s in steps):,} examples" in PAGE
    assert f"{sum(s['seconds'] for s in steps):.0f} s: about" in PAGE
    assert f"Loss {steps[0]['loss']:.2f} to {steps[-1]['loss']:.2f}" in PAGE


def test_its_results_are_those_of_the_card() -> None:
    card = load_card(FOLDER)
    assert card is not None
    for run in card.runs:
        if run.suite != "bfcl":
            row = rf"\| `{run.suite}/{run.split}` \| {run.n} \| \d+ \| {run.passed} \|"
            assert re.search(row, PAGE)
