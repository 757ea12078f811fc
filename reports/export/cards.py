"""The model card of an adapter: README.md with `model-index`, and `.eval_results/`, from its own runs only.

The YAML is made by huggingface_hub's own classes. Every number comes from the run files that are given.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from adapters import Adapter
from adapters.registry import MODELS
from bench.errors import InfrastructureError, UsageError
from bench.store import Run
from reports.bfcl import official_table
from reports.export.frames import summaries_frame
from reports.summary import Summary, summarise
from reports.table import Table, render

__all__ = ["write_card"]

RESULTS = ".eval_results"


def write_card(adapter: Adapter, runs: Sequence[Run]) -> list[Path]:
    """Write README.md and one YAML a suite into the adapter's folder; what stood there is replaced.

    adapter: with a card.toml. Errors: UsageError for an adapter without a card, no runs, a run that is not
    complete or of another adapter; InfrastructureError if the folder cannot be written.
    """
    card = adapter.card
    if card is None:
        raise UsageError(f"{adapter.name} has no card.toml: callbench adapters add gives it one")
    if not runs:
        raise UsageError("a model card tells what was measured: give --from RUN")
    for run in runs:
        if not run.complete:
            raise UsageError(f"{run.path} is not complete: callbench run --resume finishes it")
        if run.manifest.adapter_hash != adapter.hash:
            raise UsageError(
                f"{run.path} is of {run.manifest.target} (adapter {str(run.manifest.adapter_hash)[:12]}…), "
                f"not of {adapter.name} ({adapter.hash[:12]}…)"
            )
    summaries = [summarise(run) for run in runs]
    text = f"---\n{_front(adapter, summaries)}---\n\n{_body(adapter, summaries)}"
    folder = adapter.folder / RESULTS
    try:
        (adapter.folder / "README.md").write_text(text, encoding="utf-8")
        folder.mkdir(exist_ok=True)
        written = [adapter.folder / "README.md"]
        for name, entries in _entries(adapter, summaries).items():
            file = folder / f"{name}.yaml"
            file.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")
            written.append(file)
    except OSError as error:
        raise InfrastructureError(f"cannot write {adapter.folder}: {error.strerror}") from None
    return written


def _front(adapter: Adapter, summaries: Sequence[Summary]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    results = []
    for row in _rows(summaries):
        results.append(
            EvalResult(
                task_type="text-generation",
                task_name="function calling",
                dataset_type=f"callbench/{row['suite']}",
                dataset_name=f"callbench {row['suite']}",
                dataset_config=row["category"] or None,
                dataset_split=row["split"],
                dataset_revision=row["hash"],
                metric_type="pass_rate",
                metric_name="pass rate (strict judge)",
                metric_value=round(row["rate"], 4),
                metric_config=f"n={row['n']}, 95 % interval {row['low']:.4f} to {row['high']:.4f}",
            )
        )
    assert adapter.card is not None
    base = adapter.card.base.name
    known = MODELS.get(base)
    gemma = known is not None and known.licence.startswith("Gemma")
    data = ModelCardData(
        model_name=adapter.name,
        base_model=known.where if known and known.source == "hub" else base or None,
        library_name="peft",
        license="gemma" if gemma else None,
        tags=["function-calling", "tool-use", "lora", "callbench"],
        eval_results=results,
    )
    return str(data.to_yaml()) + "\n"


def _entries(adapter: Adapter, summaries: Sequence[Summary]) -> dict[str, list[dict[str, Any]]]:
    """File stem -> entries of `.eval_results`, whose form holds a value and a note, but no interval."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    found: dict[str, list[EvalResultEntry]] = {}
    for row in _rows(summaries):
        if row["category"]:
            continue
        notes = (
            f"{adapter.name}; pass rate by callbench's strict judge; n={row['n']}, 95 % interval "
            f"{row['low']:.4f} to {row['high']:.4f}; {row['engine']}, {row['dtype']}; run {row['run']}"
        )
        found.setdefault(f"{row['suite']}-{row['split']}", []).append(
            EvalResultEntry(
                dataset_id=f"callbench/{row['suite']}",
                task_id=row["split"],
                value=round(row["rate"], 4),
                dataset_revision=row["hash"],
                date=row["date"],
                notes=notes,
            )
        )
    return {name: eval_result_entries_to_yaml(entries) for name, entries in found.items()}


def _rows(summaries: Sequence[Summary]) -> list[dict[str, Any]]:
    """One row a suite and category that was scored, with what it was measured with."""
    rows = []
    for summary in summaries:
        manifest = summary.manifest
        suites = {s.name: s for s in manifest.suites}
        for found in summaries_frame([summary]).to_dict("records"):
            row = {str(key): value for key, value in found.items()}
            suite = suites.get(row["suite"])
            if suite is None or not row["n"]:
                continue
            rows.append(
                {
                    **row,
                    "split": suite.split,
                    "hash": suite.hash,
                    "engine": f"{manifest.engine} {manifest.engine_version}",
                    "dtype": manifest.dtype,
                    "device": manifest.device,
                    "date": manifest.started[:10],
                }
            )
    return rows


def _body(adapter: Adapter, summaries: Sequence[Summary]) -> str:
    card = adapter.card
    assert card is not None
    base = card.base.name or "a base that its card does not name"
    head = ["suite", "split", "category", "n", "passed", "pass rate", "95 % interval", "run"]
    rows = [
        [
            *(row["suite"], row["split"], row["category"], str(row["n"]), str(row["passed"])),
            f"{100 * row['rate']:.1f} %",
            f"{100 * row['low']:.1f} to {100 * row['high']:.1f}",
            str(number + 1),
        ]
        for number, summary in enumerate(summaries)
        for row in _rows([summary])
    ]
    notes = ["strict judge of callbench; Wilson's interval at the effective size of grouped cases"]
    tables = [Table(title="Measured", head=head, rows=rows, notes=notes)]
    tables += [official_table(s.official, s.manifest.label) for s in summaries if s.official]
    runs = [
        f"{number + 1}. `{s.manifest.run_id}`: {s.manifest.engine} {s.manifest.engine_version}, "
        f"{s.manifest.dtype}, {s.manifest.device}, {s.manifest.started[:10]}"
        for number, s in enumerate(summaries)
    ]
    parts = [
        f"# {adapter.name}",
        f"A LoRA adapter (rank {adapter.rank}) for function calling, trained by callbench on {base} "
        f"(sha256 of the weights {(card.base.hash or 'unknown')[:12]}).",
        card.licence,
        f"State: {card.state.value}. {card.state.reason}".strip(),
        render(tables, "markdown").strip(),
        "Runs\n\n" + "\n".join(runs),
    ]
    if card.command:
        parts.append(f"Made by\n\n```sh\n{card.command}\n```")
    if card.data_hash:
        parts.append(f"sha256 of the training examples: `{card.data_hash}`")
    return "\n\n".join(part for part in parts if part) + "\n"
