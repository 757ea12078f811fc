"""Add, list, show, verify, merge, remove, export LoRA adapters; write their model cards.

An adapter is a PEFT folder in home's adapters/ with a card beside it (card.toml): base, parent, recipe,
measured runs, state. verify says before any engine starts whether vLLM can serve an adapter, and why not;
it exits 1 if not. merge writes base + adapter as a model folder of its own, for --model FOLDER. card writes
README.md (with model-index) and .eval_results/ for a hub, from finished runs of that very adapter.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.common import add_format, emit, run_path

if TYPE_CHECKING:
    from adapters import Adapter
    from adapters.verify import Verification

__all__ = ["add_arguments", "main"]

_ONE = "name in home, or a PEFT folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench adapters`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="copy a PEFT folder or a hub repository into home")
    add.add_argument("source", metavar="SOURCE", help="PEFT folder, or hub id (owner/name)")
    add.add_argument("--name", help="its name here (default: the card's or the folder's)")
    add.add_argument("--base", metavar="MODEL", help="its base (default: what the adapter says)")
    add.add_argument("--parent", metavar="NAME", help="the adapter that it was trained from")
    add_format(actions.add_parser("list", help="the adapters in home"))
    show = actions.add_parser("show", help="one adapter: card, lineage, measured runs, findings")
    show.add_argument("name", metavar="NAME", help=_ONE)
    add_format(show)
    verify = actions.add_parser("verify", help="can vLLM serve it? exits 1 if not")
    verify.add_argument("name", metavar="NAME", help=_ONE)
    verify.add_argument("--base", metavar="MODEL", help="default: what the adapter says")
    add_format(verify)
    merge = actions.add_parser("merge", help="write base + adapter as a model folder")
    merge.add_argument("name", metavar="NAME", help=_ONE)
    merge.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="a new folder")
    merge.add_argument("--base", metavar="MODEL", help="default: what the adapter says")
    merge.add_argument("--dtype", help="float32, bfloat16 or float16 (default: the base's)")
    remove = actions.add_parser("remove", help="take an adapter out of home for good")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--force", action="store_true", help="even if it is another one's parent")
    card = actions.add_parser("card", help="write its model card from finished runs of it")
    card.add_argument("name", metavar="NAME", help=_ONE)
    card.add_argument(
        "--from", dest="runs", nargs="+", action="extend", default=[], metavar="RUN", required=True
    )
    card.add_argument(
        "--force", action="store_true", help="also over a README.md that callbench did not write"
    )
    export = actions.add_parser("export", help="write an adapter as a PEFT folder or a .zip file")
    export.add_argument("name", metavar="NAME", help=_ONE)
    export.add_argument("out", metavar="OUT", type=Path, help="a new folder, or a new .zip file")


def main(args: argparse.Namespace) -> int:
    """Dispatch to the action; verify exits 1 if the adapter cannot be served."""
    match args.action:
        case "add":
            from adapters.shelf import add

            added = add(args.source, name=args.name, base=args.base, parent=args.parent)
            print(added.name)
        case "list":
            _list(args.format)
        case "show":
            _show(args.name, args.format)
        case "verify":
            return _verify(args.name, args.base, args.format)
        case "merge":
            _merge(args)
        case "remove":
            from adapters.shelf import remove

            remove(args.name, force=args.force)
        case "card":
            _card(args.name, args.runs, force=args.force)
        case _:
            from adapters.shelf import export

            print(export(args.name, args.out))
    return 0


def _card(name: str, runs: Sequence[str], *, force: bool) -> None:
    from adapters import find_adapter
    from bench.store import read_run
    from reports.export import write_card

    measured = [read_run(run_path(run)) for run in runs]
    for path in write_card(find_adapter(name), measured, force=force):
        print(path)


def _list(form: str) -> None:
    from adapters import ModelError, find_adapter
    from adapters.registry import shipped
    from adapters.shelf import find, names
    from reports.table import Table

    data: list[dict[str, Any]] = []
    own = names()
    for name in (*own, *(n for n in shipped() if n not in own)):
        try:
            data.append(_facts(find(name) if name in own else find_adapter(name), hashed=False))
        except ModelError as error:
            data.append({"name": name, "state": "broken", "problem": str(error)})
    head = ["name", "base", "state", "weights", "rank", "targets", "size", "parent", "runs", "vllm"]
    rows = [[_short(key, fact) for key in head] for fact in data]
    notes = [f"{f['name']}: {f['problem']}" for f in data if "problem" in f]
    notes += [f"{f['name']} comes with callbench" for f in data if f["name"] not in own]
    if not own:
        notes.append("none in home yet: callbench adapters add FOLDER")
    emit([Table(title="Adapters", head=head, rows=rows, notes=notes)], data, form)


def _show(name: str, form: str) -> None:
    from adapters.registry import find_adapter
    from adapters.shelf import lineage, names
    from reports.table import Table

    adapter = find_adapter(name)
    facts = _facts(adapter)
    chain = lineage(name) if name in names() else ()
    facts["lineage"] = [vars(a) for a in chain]
    facts["card"] = adapter.card.model_dump(mode="json") if adapter.card else None
    told = ("measured", "findings", "lineage", "card")
    rows = [[key, _cell(key, facts)] for key in facts if key not in told]
    if chain:
        links = [a.name if a.found == "here" else f"{a.name} ({a.found})" for a in chain]
        rows.append(["lineage", " <- ".join([*links, facts["base"] or "?"])])
    if adapter.card:
        rows.append(["recipe", json.dumps(adapter.card.recipe, sort_keys=True)])
    tables = [Table(title=adapter.name, head=["", ""], rows=rows)]
    if facts["measured"]:
        head = ["run", "suite", "split", "n", "passed", "date"]
        runs = [[str(m[key]) for key in head] for m in facts["measured"]]
        tables.append(Table(title="Measured runs", head=head, rows=runs))
    tables += _finding_tables(facts["findings"])
    emit(tables, facts, form)


def _verify(name: str, base: str | None, form: str) -> int:
    from adapters.base import at_hand
    from adapters.serving import VLLM
    from adapters.verify import verify
    from reports.table import Table

    folder, known = _folder(name)
    result = verify(folder, _base_at_hand(base) if base is not None else at_hand(known))
    setting = f"max_lora_rank {result.max_lora_rank}" if result.servable else ""
    answer = f"can be served by vLLM {VLLM}" if result.servable else "cannot be served"
    rows = [[name, answer, setting, str(result.modules), str(result.base or "not at hand")]]
    head = ["adapter", "verdict", "setting", "modules", "base"]
    findings = [_finding(f) for f in result.findings]
    data = {
        "adapter": name,
        "servable": result.servable,
        "mergeable": result.mergeable,
        "rank": result.rank,
        "max_lora_rank": result.max_lora_rank,
        "modules": result.modules,
        "base": str(result.base) if result.base else None,
        "findings": findings,
    }
    emit(
        [Table(title="Verification", head=head, rows=rows), *_finding_tables(findings)], data, form
    )
    return 0 if result.servable else 1


def _merge(args: argparse.Namespace) -> None:
    from adapters.merge import merge
    from adapters.registry import find_adapter, resolve

    adapter = find_adapter(args.name)
    # A base that the user names is prepared or fetched; one that only the adapter names is not.
    named = args.base is not None
    base = resolve(args.base, dialect="none").folder if named else _base_at_hand(adapter.base)
    print(merge(adapter, base, args.out, dtype=args.dtype))


def _folder(name: str) -> tuple[Path, str]:
    """The folder of an adapter that may be too broken to load, and the base that it names."""
    from adapters import ModelError, home
    from adapters.registry import find_adapter

    for folder in (home() / "adapters" / name, Path(name).expanduser()):
        if name.strip() and folder.is_dir():
            try:
                return folder, find_adapter(str(folder)).base
            except ModelError:
                return folder, ""
    return find_adapter(name).folder, ""


def _base_at_hand(name: str) -> Path:
    """The folder of a base that must be here already. Errors: ModelError with the remedy."""
    from adapters import ModelError
    from adapters.base import at_hand
    from adapters.registry import find_model

    if not name:
        raise ModelError("the adapter does not say what its base is: give --base MODEL")
    found = at_hand(name)
    if found is None:
        find_model(name)
        raise ModelError(
            f"the base {name!r} is not at hand: run callbench models prepare {name}, or give its "
            "folder with --base"
        )
    return found


def _facts(adapter: "Adapter", *, hashed: bool = True) -> dict[str, Any]:
    """What list and show tell of an adapter; hashed: compute its base's hash, which may take seconds."""
    from adapters import serving_name
    from adapters.base import at_hand
    from adapters.verify import verify
    from adapters.weights import WEIGHTS, file_hash

    card = adapter.card
    known = card.base.hash if card and not hashed else None
    result = verify(adapter, at_hand(adapter.base), base_hash=known)
    size = (adapter.folder / WEIGHTS).stat().st_size
    return {
        "name": adapter.name,
        "serving": serving_name(adapter),
        "folder": str(adapter.folder),
        "base": adapter.base,
        "base hash": card.base.hash if card else None,
        "state": card.state.value if card else "no card",
        "reason": card.state.reason if card else "",
        "weights": card.weights if card else file_hash(adapter.folder / WEIGHTS),
        "rank": adapter.rank,
        "targets": _targets(adapter),
        "size": size,
        "parent": card.parent.name if card and card.parent else None,
        "licence": card.licence if card else "",
        "created": card.created if card else None,
        "runs": len(card.runs) if card else 0,
        "measured": [m.model_dump(mode="json") for m in card.runs] if card else [],
        "vllm": _answer(result),
        "findings": [_finding(f) for f in result.findings],
    }


def _answer(result: "Verification") -> str:
    if not result.servable:
        return "merge first" if result.mergeable else "no"
    return "yes" if result.base else "yes, base not seen"


def _targets(adapter: "Adapter") -> list[str]:
    config = json.loads((adapter.folder / "adapter_config.json").read_text(encoding="utf-8"))
    targets = config.get("target_modules") or []
    return sorted(targets) if isinstance(targets, list) else [str(targets)]


def _finding(finding: Any) -> dict[str, Any]:
    return {**vars(finding), "merge": finding.merge}


def _finding_tables(findings: Sequence[dict[str, Any]]) -> list[Any]:
    from reports.table import Table

    head = ["level", "code", "text", "remedy"]
    rows = [[f[key] for key in head] for f in findings]
    return [Table(title="Findings", head=head, rows=rows)] if rows else []


def _cell(key: str, facts: dict[str, Any]) -> str:
    value = facts.get(key)
    if value is None:
        return ""
    if key == "size":
        return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.1f} kB"
    if key in ("weights", "base hash"):
        return str(value)[:12]
    return " ".join(value) if isinstance(value, list) else str(value)


def _short(key: str, facts: dict[str, Any]) -> str:
    """A cell of the list, where a row must fit a line."""
    value = facts.get(key)
    if key == "targets" and value:
        return f"{len(value)} kinds" if len(value) > 3 else " ".join(value)
    return Path(value).name if key == "base" and value else _cell(key, facts)
