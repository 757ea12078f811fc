"""The reply cache as a file, and the keys under which replies are kept."""

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from adapters import Target, resolve
from bench.cache import Cache, reply_keys
from bench.dialects import find_dialect
from bench.engines import Completion, Request, ScriptedEngine

ROOT = Path(__file__).parents[2]
ASKED = Request(id="mine:a", prompt="<bos>hello", dialect=find_dialect("gemma"))
SAMPLED = replace(ASKED, temperature=0.7, top_p=0.9, seed=5)


def reply(text: str = "hi", **fields: Any) -> Completion:
    return Completion(
        **{"id": "x", "text": text, "prompt_tokens": 3, "completion_tokens": 2} | fields
    )


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with closing(Cache(tmp_path / "deep" / "cache.sqlite")) as found:
        yield found


# --- the file ---------------------------------------------------------------------------------------


def test_a_reply_comes_back_as_it_was_kept(cache: Cache) -> None:
    said = {
        "plain": reply("hi"),
        "cut": reply("and so", finish="length", prompt_tokens=900, completion_tokens=128),
        "odd": reply('lone \ud800, NUL \0, quote ", \u2028 and \U0001f600'),
        "empty": reply(""),
    }
    cache.put(list(said.items()))
    assert cache.get([*said, "other"], cache.size) == {k: replace(c, id=k) for k, c in said.items()}


def test_more_keys_than_a_query_takes_are_found(cache: Cache) -> None:
    cache.put([(f"k{i}", reply(f"r{i}")) for i in range(2345)])
    found = cache.get([f"k{i}" for i in range(0, 5000, 2)], cache.size)
    assert {k: c.text for k, c in found.items()} == {f"k{i}": f"r{i}" for i in range(0, 2345, 2)}


def test_errors_are_never_kept(cache: Cache) -> None:
    cache.put([("bad", reply(finish="error", error="reset")), ("good", reply())])
    assert set(cache.get(["bad", "good"], 99)) == {"good"}


def test_the_first_reply_stays_and_later_ones_are_not_seen_from_before(cache: Cache) -> None:
    assert cache.size == 0
    cache.put([("a", reply("one"))])
    then = cache.size
    cache.put([("a", reply("two")), ("b", reply("three"))])
    assert {k: c.text for k, c in cache.get(["a", "b"], cache.size).items()} == {
        "a": "one",
        "b": "three",
    }
    assert set(cache.get(["a", "b"], then)) == {"a"}
    assert cache.get(["a", "b"], 0) == {}


def test_what_was_kept_is_there_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with closing(Cache(path)) as first:
        first.put([("a", reply("one"))])
    with closing(Cache(path)) as second:
        assert second.get(["a"], second.size)["a"].text == "one"


WRITER = """
import sys
from pathlib import Path
from bench.cache import Cache
from bench.engines import Completion
path, name = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
cache = Cache(path)
for start in range(0, 300, 3):
    cache.put([(f"{own}{i}", Completion(id="", text=name, prompt_tokens=1, completion_tokens=1))
               for i in range(start, start + 3) for own in (name, "both")])
found = cache.get([f"{name}{i}" for i in range(300)], cache.size)
print(len(found))
"""


def test_two_processes_write_one_new_cache_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in ("first", "second", "third")
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [w.communicate(timeout=120) for w in writers] == [("300\n", "")] * 3
    with closing(Cache(path)) as cache:
        assert cache.size == 4 * 300
        said = {c.text for c in cache.get([f"both{i}" for i in range(300)], cache.size).values()}
        assert said <= {"first", "second", "third"}


# --- what can be wrong with it ----------------------------------------------------------------------


def _corrupt(path: Path) -> None:
    path.write_bytes(b"this is no database, " * 500)


def _folder(path: Path) -> None:
    path.mkdir()


def _other_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table replies (key text, said text)")


def _broken_page(path: Path) -> None:
    with closing(Cache(path)) as cache:
        cache.put([(f"k{i}", reply("x" * 500)) for i in range(100)])
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def _broken_text(path: Path) -> None:
    with closing(Cache(path)) as cache:
        cache.put([("k0", reply())])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("update replies set text = 'no json'")


@pytest.mark.parametrize("spoil", [_corrupt, _folder, _other_table, _broken_page, _broken_text])
def test_a_cache_that_cannot_be_used_is_left_out_with_one_warning(
    spoil: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cache.sqlite"
    spoil(path)
    with closing(Cache(path)) as cache:
        assert cache.get(["k0", "k1"], max(cache.size, 100)) == {}
        for i in range(3):
            cache.put([(f"new{i}", reply())])
        assert cache.get(["new0"], 100) == {}
        assert cache.size == 0
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"warning: the reply cache {path} cannot be used (")


def test_a_place_that_cannot_be_written_to_is_left_out_with_one_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with closing(Cache(Path("/proc/callbench/cache.sqlite"))) as cache:
        cache.put([("a", reply())])
    assert capsys.readouterr().err.count("cannot be used") == 1


def test_a_cache_that_another_process_never_lets_go_of_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cache.sqlite"
    with closing(Cache(path, patience=0.05)) as cache, closing(sqlite3.connect(path)) as other:
        cache.put([("a", reply("one"))])
        other.execute("begin immediate")
        assert set(cache.get(["a"], cache.size)) == {"a"}
        cache.put([("b", reply())])
        cache.put([("c", reply())])
    assert capsys.readouterr().err.count("is locked): going on without it; ") == 1


def test_a_full_disk_costs_what_was_not_written_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cache.sqlite"
    with closing(Cache(path)) as cache:
        cache.put([("a", reply("one"))])
        with file_size(200_000):
            for i in range(50):
                cache.put([(f"{i}.{j}", reply("x" * 1000)) for j in range(10)])
    assert capsys.readouterr().err.count("cannot be used") == 1
    with closing(Cache(path)) as cache:
        assert cache.get(["a"], cache.size)["a"].text == "one"


@contextmanager
def file_size(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# --- keys -------------------------------------------------------------------------------------------


def key(request: Request, target: Target, **fields: object) -> str:
    engine = ScriptedEngine({})
    for name, value in fields.items():
        setattr(engine, name, value)
    return reply_keys([request], target, engine)[0]


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "<bos>hello!"},
        {"max_tokens": 127},
        {"temperature": 0.7},
        {"dialect": find_dialect("chatml")},
        {"constraint": '{"type": "structural_tag"}'},
    ],
    ids=lambda c: next(iter(c)),
)
def test_another_question_has_another_key(change: dict[str, Any], target: Target) -> None:
    assert key(replace(ASKED, **change), target) != key(ASKED, target)


@pytest.mark.parametrize("change", [{"id": "other:b"}, {"top_p": 0.5}, {"seed": 9}])
def test_a_greedy_reply_has_the_key_of_its_question(change: dict[str, Any], target: Target) -> None:
    assert key(replace(ASKED, **change), target) == key(ASKED, target)


def test_a_sampled_reply_has_the_key_of_its_seed(target: Target) -> None:
    assert key(replace(SAMPLED, id="other:b"), target) == key(SAMPLED, target)
    for change in ({"seed": 6}, {"top_p": 0.8}, {"temperature": 0.8}):
        assert key(replace(SAMPLED, **change), target) != key(SAMPLED, target)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"version": "2"},
        {"dtype": "bfloat16"},
        {"device": "cpu"},
        {"settings": {"attention": "eager"}},
    ],
    ids=lambda c: next(iter(c)),
)
def test_another_engine_has_another_key(change: dict[str, object], target: Target) -> None:
    assert key(ASKED, target, **change) != key(ASKED, target)


def test_how_much_fits_at_a_time_is_not_in_the_key(target: Target) -> None:
    sizes = {"max_num_seqs": 8, "gpu_memory_utilization": 0.5, "max_model_len": 512}
    assert key(ASKED, target, settings=sizes) == key(ASKED, target)


def test_an_engine_with_a_tokenizer_is_asked_for_the_ids(target: Target) -> None:
    """Two texts of the same tokens are one question; two sequences of tokens are two."""
    same = key(ASKED, target, prompt_ids=lambda r: [2, len(r.prompt)])
    assert key(replace(ASKED, prompt="<bos>world"), target, prompt_ids=lambda _: [2, 10]) == same
    assert key(ASKED, target, prompt_ids=lambda _: [2, 11]) != same


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_another_file_of_the_base_has_another_key(
    name: str, target: Target, model_folder: Path
) -> None:
    before = key(ASKED, target)
    (model_folder / name).write_text('{"rope_theta": 7}', encoding="utf-8")
    assert key(ASKED, resolve(str(model_folder), dialect="gemma")) != before


def test_other_weights_have_another_key(target: Target, model_folder: Path, tmp_path: Path) -> None:
    keys = [key(ASKED, target)]
    for number, alpha in ((0.0, 4), (1.0, 4), (1.0, 8)):
        folder = tmp_path / "lora"
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text(
            f'{{"peft_type": "LORA", "r": 4, "lora_alpha": {alpha}}}'
        )
        save_file({"w": numpy.full(3, number)}, folder / "adapter_model.safetensors")
        keys.append(key(ASKED, resolve(f"{model_folder}+{folder}", dialect="gemma")))
    save_file({"w": numpy.arange(6.0) + 1}, model_folder / "model.safetensors")
    keys.append(key(ASKED, resolve(str(model_folder), dialect="gemma")))
    assert len(set(keys)) == 5
