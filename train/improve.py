"""Rounds of improvement: what fails on dev, examples against it, an adapter, and whether it may stay.

A round trains from the champion (the base, or the adapter that was promoted last) on a mix by the champion's
failures, and measures the candidate on the very cases on which the champion was measured. It is promoted if
it passes the gate and is better as a whole, against the base and against the champion; else it is rejected.
Only dev cases are asked; test splits and imported suites stay closed, until `open_sealed` asks them once, of
the adapter that was promoted last.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from adapters import Adapter, Target, resolve
from adapters.card import Measured, load_card, now, promote, reject, save_card, with_run
from bench.cache import Cache
from bench.decide import PairedLine
from bench.engines import EngineOptions
from bench.engines.local import TransformersEngine
from bench.errors import UsageError
from bench.gate import GateResult, gate
from bench.plan import Settings
from bench.runner import Chosen, run_targets
from bench.store import Run
from suites import Outcome, builtin_suites
from suites.vary import kind_of
from train.profile import failure_profile
from train.recipe import Recipe
from train.session import Trained, check_free, model_name, prepare, train
from train.sources import Gathered, Sources

__all__ = [
    "Decision",
    "Improvement",
    "Round",
    "decide",
    "improve",
    "measured",
    "open_sealed",
    "settle",
]


@dataclass(frozen=True, kw_only=True)
class Improvement:
    """recipe: of each round, its seed one higher each time; name: the adapters are NAME-1, NAME-2, …

    sources: of the examples of a round, whose mix is weighted by the champion's failures; chosen, settings:
    what is asked, and how; dtype: of the engine; command: what was typed, for the cards.
    Errors: UsageError.
    """

    recipe: Recipe
    name: str
    rounds: int
    chosen: Chosen
    settings: Settings = field(default_factory=Settings)
    sources: Sources = field(default_factory=lambda: Sources(mix=1000))
    parent: str | None = None
    device: str | None = None
    dtype: str | None = None
    command: str = ""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError("--rounds must be at least 1")
        if self.recipe.data_hash is not None:
            raise UsageError("each round has data of its own: leave out --data-hash")
        if self.chosen.limit is not None and self.chosen.limit < 1:
            raise UsageError("--limit must be at least 1")

    def adapter(self, number: int) -> str:
        """The name of a round's adapter (from 1)."""
        return f"{self.name}-{number}"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of a candidate, and why; told: whether it can be told from the champion at all."""

    state: Literal["promoted", "rejected"]
    reason: str
    told: bool


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round. run: of the candidate; gates: against the base, and the champion if it is another."""

    number: int
    data: Gathered
    trained: Trained
    run: Run
    gates: tuple[GateResult, ...]
    decision: Decision


def improve(
    plan: Improvement,
    *,
    cache: Cache | None = None,
    on_round: Callable[[Round], None] | None = None,
) -> tuple[Round, ...]:
    """The rounds that were made: at most plan.rounds; a candidate that cannot be told from the champion, or a
    champion without failures, ends them.

    Errors: UsageError for cases that are not dev, a taken name, or a first champion that fails nowhere; those
    of `train`. What earlier rounds made stays in home.
    """
    _refuse_sealed(plan.chosen)
    for number in range(1, plan.rounds + 1):
        check_free(plan.adapter(number))
    first = resolve(plan.recipe.base, plan.parent, dialect=plan.recipe.dialect or None)
    base = replace(first, adapter=None)
    runs = _measure(plan, [base, first] if first.adapter else [base], cache)
    base_run, champion = runs[0], runs[-1]
    parent = first.adapter
    rounds: list[Round] = []
    for number in range(1, plan.rounds + 1):
        if rounds and failure_profile([champion]).empty:
            break
        made = _round(plan, number, base, parent, base_run, champion, cache)
        rounds.append(made)
        if on_round is not None:
            on_round(made)
        if not made.decision.told:
            break
        if made.decision.state == "promoted":
            parent, champion = made.trained.adapter, made.run
    return tuple(rounds)


def decide(gates: Sequence[GateResult]) -> Decision:
    """The verdict on a candidate from its gates, the last of them against the champion."""
    whole = [_whole(g) for g in gates]
    told = whole[-1].verdict in ("better", "worse") or any(g.status == "failed" for g in gates)
    faults = []
    for g, line in zip(gates, whole, strict=True):
        against = g.comparison.first.manifest.label
        if g.status == "failed":
            faults.append(f"fell on {', '.join(f.name for f in g.failures)} against {against}")
        elif g.status == "incomplete":
            faults.append(f"cases without a reply against {against}")
        elif line.verdict != "better":
            faults.append(f"{line.words} against {against} ({_points(line)})")
    if faults:
        return Decision(state="rejected", reason="; ".join(faults), told=told)
    better = (
        f"{g.comparison.first.manifest.label} ({_points(x)})"
        for g, x in zip(gates, whole, strict=True)
    )
    return Decision(state="promoted", reason=f"better than {' and '.join(better)}", told=told)


def measured(run: Run) -> tuple[Measured, ...]:
    """A run as a card holds it, a line for each suite; variants and cases without a reply do not count."""
    found = []
    for ref in run.manifest.suites:
        scored = [
            r.verdict.passed
            for r in run.records
            if r.suite == ref.name
            and r.verdict.outcome is not Outcome.ERROR
            and kind_of(r.case) is None
        ]
        if scored:
            found.append(
                Measured(
                    run=run.manifest.run_id,
                    suite=ref.name,
                    split=ref.split,
                    suite_hash=ref.hash,
                    n=len(scored),
                    passed=sum(scored),
                    date=now(),
                )
            )
    return tuple(found)


def settle(adapter: Adapter, run: Run, decision: Decision) -> Adapter:
    """The adapter with its measured run and the decision in its card, which is written."""
    card = adapter.card
    if card is None:
        raise UsageError(
            f"the adapter {adapter.name!r} has no card: callbench adapters add makes one"
        )
    for line in measured(run):
        card = with_run(card, line)
    state = promote if decision.state == "promoted" else reject
    card = state(card, decision.reason)
    save_card(adapter.folder, card)
    return replace(adapter, card=card)


def _round(
    plan: Improvement,
    number: int,
    base: Target,
    parent: Adapter | None,
    base_run: Run,
    champion: Run,
    cache: Cache | None,
) -> Round:
    seed, named = plan.recipe.seed + number - 1, model_name(base.model)
    recipe = replace(plan.recipe, base=named, dialect=base.dialect, seed=seed)
    sources = plan.sources
    if sources.mix is not None:
        sources = replace(sources, runs=(str(champion.path),))
    session = prepare(recipe, sources, parent=str(parent.folder) if parent else None)
    try:
        trained = train(session, plan.adapter(number), device=plan.device, command=plan.command)
    finally:
        _release()
    candidate = replace(base, adapter=trained.adapter)
    (run,) = _measure(plan, [candidate], cache)
    against = [base_run] if champion is base_run else [base_run, champion]
    gates = tuple(gate(other, run) for other in against)
    decision = decide(gates)
    settled = settle(trained.adapter, run, decision)
    return Round(
        number=number,
        data=session.data,
        trained=replace(trained, adapter=settled),
        run=run,
        gates=gates,
        decision=decision,
    )


def open_sealed(
    plan: Improvement, rounds: Sequence[Round], names: Sequence[str], *, cache: Cache | None = None
) -> tuple[Run, Run] | None:
    """(run of the base, run of the adapter promoted last) on suites that no round has seen, once.

    names: suites and splits, e.g. `call/test` or an imported one; plan.chosen's limit holds for them, too.
    The run is recorded in the adapter's card. None where nothing was promoted: they then stay closed.
    """
    kept = [made.trained.adapter for made in rounds if made.decision.state == "promoted"]
    if not kept:
        return None
    first = resolve(plan.recipe.base, plan.parent, dialect=plan.recipe.dialect or None)
    base = replace(first, adapter=None)
    sealed = replace(plan, chosen=Chosen(names=tuple(names), limit=plan.chosen.limit))
    before, after = _measure(sealed, [base, replace(base, adapter=kept[-1])], cache)
    card = load_card(kept[-1].folder)
    if card is not None:
        for line in measured(after):
            card = with_run(card, line)
        save_card(kept[-1].folder, card)
    return before, after


def _measure(plan: Improvement, targets: Sequence[Target], cache: Cache | None) -> list[Run]:
    """All targets on plan.chosen with one engine, whose memory is free again afterwards."""
    loaded = [t.adapter for t in targets if t.adapter is not None]
    options = EngineOptions(device=plan.device, dtype=plan.dtype)
    try:
        engine = TransformersEngine(targets[0].folder, loaded, options=options)
        return run_targets(plan.chosen, targets, plan.settings, engine, cache=cache)
    finally:
        engine = None  # type: ignore[assignment]
        _release()


def _release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _refuse_sealed(chosen: Chosen) -> None:
    """Errors: UsageError for anything but the dev split of a built-in suite: no other is guarded."""
    guarded = {name for name, split in builtin_suites() if split == "dev"}
    for part in chosen.selection().parts:
        name, split = part.suite.name, part.suite.split
        if split != "dev":
            raise UsageError(f"{name}/{split} is opened once, at the end: improve on dev cases")
        if name not in guarded:
            raise UsageError(f"improving on {name!r} is not guarded", known=guarded)


def _whole(result: GateResult) -> PairedLine:
    return next(x for x in result.comparison.lines if x.family == "all")


def _points(line: PairedLine) -> str:
    d = line.difference
    low, high = 100 * d.interval.low, 100 * d.interval.high
    return f"{100 * d.estimate:+.1f} points [{low:.1f}, {high:.1f}] on {d.n} cases"
