"""An adapter's model card: README.md with a model-index, and `.eval_results/`, from its card and its runs.

Numbers come from complete runs of exactly this adapter and from nowhere else; no text of a model goes in. The
adapter's hash covers its weights and its configuration, so that a card changes nothing about it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from adapters import Adapter
from adapters.base import at_hand, read_base
from adapters.errors import ModelError
from bench.errors import InfrastructureError, UsageError
from bench.store import Run
from reports.export.card_text import MARK, Licence, body, identifier, interval
from reports.export.parts import Part, hub_id, is_gemma, measured_parts

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, EvalResultEntry

__all__ = ["RESULTS", "CardFiles", "card_files", "write_card"]

RESULTS = Path(".eval_results", "callbench.yaml")
"""Where the results lie beside the README, in the newer of the hub's two forms."""

_NOTE = f"""\
# {MARK}
# dataset.id names a suite of callbench. The hub shows these results only if a benchmark of that id is
# registered there; until then they say the same as README.md, for programs.
"""
_PEFT = "[More Information Needed]"
_KNOWN = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0")
"""Licences that the hub knows by these names."""


@dataclass(frozen=True, kw_only=True)
class CardFiles:
    """The texts of the two files."""

    readme: str
    results: str


def write_card(adapter: Adapter, runs: Sequence[Run], *, force: bool = False) -> list[Path]:
    """Write both files into the adapter's folder, in place of those that an earlier call (or PEFT) wrote.

    Returns their paths, the README's first. force: also in place of files that somebody else wrote. Errors:
    UsageError as card_files, and for a file of somebody else's; InfrastructureError if the folder cannot be
    written.
    """
    found = card_files(adapter, runs)
    readme, results = adapter.folder / "README.md", adapter.folder / RESULTS
    if not force:
        for file in (readme, results):
            _refuse_foreign(file)
    try:
        results.parent.mkdir(exist_ok=True)
        for file, text in ((results, found.results), (readme, found.readme)):
            draft = file.with_name(f".{file.name}.{os.getpid()}")
            draft.write_text(text, encoding="utf-8", newline="\n")
            draft.replace(file)
    except OSError as error:
        raise InfrastructureError(f"cannot write {adapter.folder}: {error.strerror}") from None
    return [readme, results]


def card_files(adapter: Adapter, runs: Sequence[Run]) -> CardFiles:
    """The texts of the card; nothing is written.

    Errors: UsageError for no run, a run that is not complete, of another adapter or on another base than the
    rest, given twice, or without any scored reply.
    """
    from huggingface_hub import ModelCardData, eval_result_entries_to_yaml

    _refuse_unfit(adapter, runs)
    measured = [(run, part) for run in runs for part in measured_parts(run)]
    counted = [(run, part) for run, part in measured if part.score.n]
    licence = _licence(adapter)
    data = ModelCardData(
        model_name=adapter.name,
        base_model=hub_id(adapter.base),
        library_name="peft",
        pipeline_tag="text-generation",
        license=licence.id or None,
        license_name=licence.name or None,
        tags=["lora", "peft", "function-calling", "tool-use", "callbench"],
        eval_results=[_index_entry(run, part) for run, part in counted],
    )
    results = eval_result_entries_to_yaml([_result(run, part) for run, part in counted])
    return CardFiles(
        readme=f"---\n{data.to_yaml()}\n---\n\n{body(adapter, measured, licence)}",
        results=_NOTE + yaml.safe_dump(results, sort_keys=False, allow_unicode=True, width=1000),
    )


def _index_entry(run: Run, part: Part) -> "EvalResult":
    """Suites of another version or content are another configuration, so that they never share an entry."""
    from huggingface_hub import EvalResult

    m, score = run.manifest, part.score
    return EvalResult(
        task_type="text-generation",
        task_name="function calling",
        dataset_type=identifier(part.suite),
        dataset_name=f"callbench {part.suite}",
        dataset_config=f"{part.version} ({'+'.join(h[:12] for h in part.hash.split('+'))})",
        dataset_split=part.split,
        metric_type="accuracy",
        metric_name=f"pass rate ({m.label}, {m.engine})",
        metric_value=_rate(part),
        metric_args={
            "passed": score.passed,
            "n": score.n,
            "groups": score.groups,
            "interval_95_wilson": interval(part),
            "suite_sha256": part.hash,
            "run": m.run_id,
        },
    )


def _result(run: Run, part: Part) -> "EvalResultEntry":
    from huggingface_hub import EvalResultEntry

    m = run.manifest
    low, high = interval(part)
    return EvalResultEntry(
        dataset_id=identifier(part.suite),
        task_id=part.split,
        value=_rate(part),
        date=m.started or None,
        notes=(
            f"pass rate, {part.score.passed} of n={part.score.n}, 95% Wilson interval {low} to {high}; "
            f"suite version {part.version}, sha256 {part.hash}; {m.label}, {m.engine} "
            f"{m.engine_version}, {m.dtype}; run {m.run_id}"
        ),
    )


def _rate(part: Part) -> float:
    assert part.score.rate is not None
    return round(part.score.rate, 4)


def _refuse_unfit(adapter: Adapter, runs: Sequence[Run]) -> None:
    if not runs:
        raise UsageError("a card needs at least one run: give --from RUN")
    known = adapter.card.base.hash if adapter.card else None
    for i, run in enumerate(runs):
        m = run.manifest
        if m.run_id in [r.manifest.run_id for r in runs[:i]]:
            raise UsageError(f"the run {m.run_id!r} is given twice: name it once")
        if not run.complete:
            raise UsageError(
                f"the run {m.run_id!r} is not complete: finish it with callbench run --resume "
                f"{m.run_id}, then write the card"
            )
        if m.adapter_hash != adapter.hash:
            other = f"{m.adapter!r} ({m.adapter_hash[:12]}…)" if m.adapter_hash else "no adapter"
            raise UsageError(
                f"the run {m.run_id!r} is of {other}, not of {adapter.name!r} as it lies there "
                f"({adapter.hash[:12]}…): measure it with callbench run --adapters {adapter.name}"
            )
        wanted = known or runs[0].manifest.model_hash
        if m.model_hash != wanted and not m.model_hash.startswith("served:"):
            raise UsageError(
                f"the run {m.run_id!r} is on another base ({m.model_hash[:12]}…) than "
                f"{'the card says' if known else 'the first run'} ({wanted[:12]}…): leave it out"
            )
        if not any(part.score.n for part in measured_parts(run)):
            raise UsageError(f"the run {m.run_id!r} has no scored reply: leave it out")


def _licence(adapter: Adapter) -> Licence:
    """A name that the hub knows, where there is one; an adapter of Gemma is under Gemma's terms anyway."""
    said = adapter.card.licence.strip() if adapter.card else ""
    if is_gemma(adapter.base, _architecture(adapter.base), said):
        return Licence(id="gemma", gemma=True, notice=said)
    if said.lower() in _KNOWN:
        return Licence(id=said.lower(), notice=said)
    if not said:
        return Licence(notice="")
    short = said if len(said) <= 60 and said.isprintable() else "see README"
    return Licence(id="other", name=short, notice=said)


def _architecture(base: str) -> str:
    folder = at_hand(base) if base else None
    try:
        return read_base(folder).architecture if folder else ""
    except ModelError:
        return ""


def _refuse_foreign(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise InfrastructureError(f"cannot read {file}: {error.strerror}") from None
    if MARK not in text and _PEFT not in text:
        raise UsageError(
            f"{file} was not written by callbench: move it away, or give --force to replace it"
        )
