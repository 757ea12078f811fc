"""What an adapter's model card says below its front matter: all of it from the card and from manifests."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters import Adapter
from adapters.model import GEMMA_NOTICE
from adapters.registry import MODELS
from bench.store import Run
from reports.bfcl import official_table
from reports.export.parts import Part, category_parts, command_line, hub_id, portable
from reports.export.rows import json_text
from reports.summary import summarise
from reports.table import Table, escape, render

__all__ = ["MARK", "Licence", "body", "identifier", "interval"]

MARK = "Written by callbench adapters card"
"""By this a later call knows a file as its own."""


@dataclass(frozen=True, kw_only=True)
class Licence:
    """The hub's name of a licence (with a name of its own for `other`), and the card's notice.

    gemma: the base is a Gemma under Google's terms, which go with everything made from it.
    """

    id: str = ""
    name: str = ""
    notice: str = ""
    gemma: bool = False


def body(adapter: Adapter, measured: Sequence[tuple[Run, Part]], licence: Licence) -> str:
    """The Markdown text: what the adapter is, its scores, how they were measured, recipe and licence."""
    runs = list({run.manifest.run_id: run for run, _ in measured}.values())
    about = f"LoRA adapter of {_shown(adapter)} for function calling, measured with callbench."
    sections = [
        f"<!-- {MARK}: edits are lost when it is written again -->\n",
        f"# {escape(adapter.name)}\n\n{about}\n",
        render([_identity(adapter, runs)], "markdown"),
        render([_scores(measured)], "markdown"),
        _official(runs),
        render([_conditions(runs)], "markdown"),
        _commands(adapter, runs),
        _recipe(adapter),
        _licence(adapter, licence),
    ]
    return "\n".join(section for section in sections if section)


def identifier(suite: str) -> str:
    """A suite as the hub would name a data set."""
    return f"callbench/{re.sub(r'[^A-Za-z0-9._-]+', '-', suite).strip('.-') or 'suite'}"


def interval(part: Part) -> list[float]:
    """Both ends, to four digits. The part must have a scored reply."""
    assert part.score.interval is not None
    return [round(part.score.interval.low, 4), round(part.score.interval.high, 4)]


def _base(adapter: Adapter) -> str:
    return hub_id(adapter.base) or portable(adapter.base) or "an unnamed base"


def _shown(adapter: Adapter) -> str:
    return escape(_base(adapter))


def _identity(adapter: Adapter, runs: Sequence[Run]) -> Table:
    card, known = adapter.card, MODELS.get(adapter.base)
    about = f" ({known.about})" if known and known.about else ""
    rows = [
        ["base", f"{_base(adapter)}{about}"],
        ["base's weights, sha256", runs[0].manifest.model_hash],
        ["adapter's hash (weights and configuration)", adapter.hash],
        ["rank", str(adapter.rank)],
    ]
    if card is not None:
        parent = f"{card.parent.name} ({card.parent.weights[:12]})" if card.parent else "none"
        state = f"{card.state.value}: {card.state.reason}" if card.state.reason else ""
        rows += [
            ["adapter's weights, sha256", card.weights],
            ["parent", parent],
            ["state", state or card.state.value],
            ["created", card.created],
            ["training data, sha256", card.data_hash or "not recorded"],
        ]
    return Table(title="What it is", head=["", ""], rows=rows)


def _scores(measured: Sequence[tuple[Run, Part]]) -> Table:
    head = ["suite", "category", "split", "n", "passed", "pass rate %", "95 % interval", "no reply"]
    head += ["malformed", "run file"]
    notes = [
        "n: replies that were scored; a reply that never came is in no score and stands under no reply",
        "interval: Wilson, at the effective size of cases that share a group",
        "numbers of other suites, versions, settings or engines are not comparable with these",
    ]
    rows = []
    for run, whole in measured:
        rows += [_score_row(run, p) for p in (whole, *category_parts(run, whole.suite))]
    return Table(title="Scores", head=head, rows=rows, notes=notes)


def _official(runs: Sequence[Run]) -> str:
    """BFCL's own figures, for runs of an imported BFCL."""
    lines = [(run, summarise(run).official) for run in runs]
    tables = [official_table(found, run.manifest.label) for run, found in lines if found]
    return render(tables, "markdown")


def _score_row(run: Run, part: Part) -> list[str]:
    score = part.score
    rate = "-" if score.rate is None else f"{100 * score.rate:.1f}"
    bounds = "-"
    if score.interval is not None:
        bounds = f"{100 * score.interval.low:.1f} to {100 * score.interval.high:.1f}"
    return [
        f"{part.suite} {part.version} ({part.hash[:12]})",
        part.category or "all",
        part.split,
        str(score.n),
        str(score.passed),
        rate,
        bounds,
        str(part.errors),
        str(part.malformed),
        run.path.rpartition("/")[2],
    ]


def _conditions(runs: Sequence[Run]) -> Table:
    head = ["run file", "date", "engine", "dtype", "device", "dialect", "decoding", "cases"]
    head += ["callbench"]
    rows = []
    for run in runs:
        m = run.manifest
        rows.append(
            [
                run.path.rpartition("/")[2],
                m.started,
                f"{m.engine} {m.engine_version}",
                m.dtype,
                m.device,
                m.dialect,
                _decoding(run),
                _selection(run),
                " ".join([m.packages.get("callbench", "?"), m.git or ""]).strip(),
            ]
        )
    return Table(title="How it was measured", head=head, rows=rows)


def _decoding(run: Run) -> str:
    m = run.manifest
    temperature = m.sampling.get("temperature")
    words = [f"temperature {temperature}" if temperature else "greedy"]
    words.append(f"at most {m.sampling.get('max_tokens')} tokens")
    words += [f"{m.shots} examples in the context"] if m.shots else []
    words += [f"{m.samples} samples a case"] if m.samples > 1 else []
    words += ["calls held to their tool's schema"] if m.sampling.get("constrained") else []
    return ", ".join(words)


def _selection(run: Run) -> str:
    m = run.manifest
    words = [str(sum(s.cases for s in m.suites))]
    words += [f"the first {m.selection['limit']} of each suite"] if m.selection.get("limit") else []
    words += [f"judged anew from {m.rescored.run_id}"] if m.rescored else []
    words += [f"ids like {m.selection['pattern']}"] if m.selection.get("pattern") else []
    return ", ".join(words)


def _commands(adapter: Adapter, runs: Sequence[Run]) -> str:
    """What made the adapter and its runs, as recorded, but for the folders of absolute paths."""
    made = adapter.card.command if adapter.card else ""
    lines = [" ".join(portable(word) for word in made.split(" "))] if made else []
    lines += [line for run in runs if (line := command_line(run.manifest))]
    if not lines:
        return ""
    text = "\n".join(dict.fromkeys(lines))
    return f"### Commands\n\n{_fenced(text, 'sh')}"


def _recipe(adapter: Adapter) -> str:
    recipe: dict[str, Any] = adapter.card.recipe if adapter.card else {}
    if not recipe:
        return ""
    rows = [[key, _recipe_value(value)] for key, value in recipe.items()]
    note = f"sha256 of the recipe: {adapter.card.recipe_hash}" if adapter.card else ""
    return render([Table(title="Recipe", head=["", ""], rows=rows, notes=[note])], "markdown")


def _recipe_value(value: Any) -> str:
    if isinstance(value, str):
        return portable(value)
    if isinstance(value, list | tuple):
        return ", ".join(_recipe_value(v) for v in value)
    return json_text(value)


def _licence(adapter: Adapter, licence: Licence) -> str:
    said = escape(licence.notice) if licence.notice else "The adapter's card names no licence."
    lines = ["### Licence\n", f"{said}\n"]
    if licence.gemma:
        lines += [f"{GEMMA_NOTICE}.\n"] if GEMMA_NOTICE not in licence.notice else []
        lines += [
            f"This is a modified form of Gemma: the files here are a LoRA trained on {_shown(adapter)}, "
            "which changes what that model replies. Whoever uses or passes on these files accepts "
            "those terms and the Gemma Prohibited Use Policy.\n",
        ]
    return "\n".join(lines)


def _fenced(text: str, kind: str) -> str:
    """A code block whose text cannot end it."""
    shown = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{shown}\n{fence}\n"
