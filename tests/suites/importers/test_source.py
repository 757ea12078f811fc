"""Where imported data come from: folder, file, zip, wheel, package; read as data, and never run."""

import hashlib
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from suites.errors import SuiteError
from suites.importers import open_source
from tests.mini_bfcl import write_archive, write_folder

NAME = "BFCL_v4_irrelevance.json"
TRAP = "raise SystemExit('the source was run')\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution `mini-bfcl` 1.5, whose module must never be imported."""
    site = tmp_path / "site"
    write_folder(site / "mini_bfcl_trap" / "data")
    (site / "mini_bfcl_trap" / "__init__.py").write_text(TRAP, encoding="utf-8")
    info = site / "mini_bfcl-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mini-bfcl\nVersion: 1.5\n")
    files = [f.relative_to(site).as_posix() for f in sorted(site.rglob("*")) if f.is_file()]
    (info / "RECORD").write_text("".join(f"{f},,\n" for f in files))
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("package")
def test_the_same_files_are_found_in_every_kind_of_source(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    places = {
        str(folder): "",
        f"{folder}/": "",
        str(write_archive(tmp_path / "x.zip")): "",
        str(write_archive(tmp_path / "bfcl_eval-2026.3.23-py3-none-any.whl")): "2026.3.23",
        "mini-bfcl": "1.5",
        str(folder / NAME): "",
    }
    expected = (folder / NAME).read_text(encoding="utf-8")
    for where, version in places.items():
        source = open_source(where)
        name = source.find(NAME)
        assert name is not None
        assert source.text(name) == expected
        assert source.version == version
        assert source.find("BFCL_v4_nothing.json") is None
    assert "mini_bfcl_trap" not in sys.modules


def test_the_shortest_of_several_names_is_found(tmp_path: Path) -> None:
    for name in ("b/a/x.json", "b/x.json", "b/ax.json", "xx.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    source = open_source(str(tmp_path))
    assert source.find("x.json") == "b/x.json"
    assert source.find("a/x.json") == "b/a/x.json"


def test_the_hash_covers_names_and_contents_of_what_was_read(tmp_path: Path) -> None:
    for name, text in {"a.json": "1", "b.json": "2"}.items():
        (tmp_path / name).write_text(text)
    source = open_source(str(tmp_path))
    source.text("b.json")
    source.text("a.json")
    lines = "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n"
        for name, text in {"a.json": "1", "b.json": "2"}.items()
    )
    assert source.hash == hashlib.sha256(lines.encode()).hexdigest()
    half = open_source(str(tmp_path))
    half.text("a.json")
    assert half.hash != source.hash


def test_json_lines_have_their_numbers_and_a_broken_one_its_place(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('\ufeff{"a": 1}\n\n  \n[2]\n', encoding="utf-8")
    assert open_source(str(file)).json_lines("x.json") == [(1, {"a": 1}), (4, [2])]
    file.write_text('{"a": 1}\n\n{"a": NaN}\n', encoding="utf-8")
    with pytest.raises(SuiteError, match=r"x\.json:3: broken JSON: NaN"):
        open_source(str(file)).json_lines("x.json")


@pytest.mark.parametrize("text", ["", "{", "[1] 2", '{"a": 1, "a": 2}', "[" * 90 + "]" * 90])
def test_broken_json_is_a_suite_error_with_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SuiteError, match=r"x\.json: broken JSON"):
        open_source(str(tmp_path)).json("x.json")


def test_yaml_is_data(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: [no, 1]\n")
    assert open_source(str(tmp_path)).yaml("x.yaml") == {"a": ["no", 1]}
    (tmp_path / "x.yaml").write_text("a: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(SuiteError, match="not data"):
        open_source(str(tmp_path)).yaml("x.yaml")


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("/no/such/file.whl", "no file or folder '/no/such/file.whl'"),
        ("no/such", "no file or folder 'no/such'"),
        ("", "no file or folder ''"),
        ("no-such-package-here", "pip download --no-deps no-such-package-here"),
        ("~no-such-user-here/x", "cannot be read: Could not determine home"),
        ("x" * 5000, "cannot be read: File name too long"),
    ],
)
def test_what_is_not_there_is_a_suite_error(where: str, text: str) -> None:
    with pytest.raises(SuiteError) as caught:
        open_source(where)
    assert text in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(SuiteError, match=r"x\.json: is not UTF-8"):
        open_source(str(tmp_path)).text("x.json")


def test_a_file_that_goes_away_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("1")
    source = open_source(str(tmp_path))
    (tmp_path / "x.json").unlink()
    with pytest.raises(SuiteError, match=r"x\.json: cannot be read: No such file"):
        source.text("x.json")
    with pytest.raises(SuiteError, match=r"y\.json: cannot be read"):
        source.text("y.json")


def _patched(file: Path, old: bytes, new: bytes) -> None:
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new))


def test_a_damaged_archive_is_a_suite_error(tmp_path: Path) -> None:
    name = f"bfcl_eval/data/{NAME}"
    odd = write_archive(tmp_path / "odd.zip")
    _patched(odd, b"PK\x01\x02", b"PK\x09\x09")
    with pytest.raises(SuiteError, match=r"odd\.zip: cannot be read: Bad magic"):
        open_source(str(odd))

    changed = write_archive(tmp_path / "changed.zip")
    _patched(changed, b"Solve x = 2 x.", b"Solve x = 3 x.")
    with pytest.raises(SuiteError, match="cannot be read: Bad CRC-32"):
        open_source(str(changed)).text(name)

    torn = tmp_path / "torn.zip"
    with zipfile.ZipFile(torn, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.json", b"[1, 2, 3, 4] " * 100)
    begin = 30 + len("x.json")
    data = torn.read_bytes()
    torn.write_bytes(data[:begin] + b"\xff" * 12 + data[begin + 12 :])
    with pytest.raises(SuiteError, match=r"x\.json: cannot be read"):
        open_source(str(torn)).text("x.json")


def _flagged(file: Path, *, flags: int = 0, method: int = 0, size: int | None = None) -> Path:
    """A zip of one stored file `x.json` whose headers say something else."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.json", b"[1]")
    data = bytearray(file.read_bytes())
    central = data.index(b"PK\x01\x02")
    for at in (6, central + 8):
        struct.pack_into("<HH", data, at, flags, method)
    if size is not None:
        struct.pack_into("<I", data, central + 24, size)
    file.write_bytes(bytes(data))
    return file


def test_an_encrypted_or_oddly_packed_archive_is_a_suite_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"cannot be read.*encrypted"):
        open_source(str(_flagged(tmp_path / "a.zip", flags=1))).text("x.json")
    with pytest.raises(SuiteError, match=r"cannot be read.*compression"):
        open_source(str(_flagged(tmp_path / "b.zip", method=77))).text("x.json")


def test_an_archive_that_claims_to_hold_too_much_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="4000000000 bytes are too many"):
        open_source(str(_flagged(tmp_path / "a.zip", size=4_000_000_000))).text("x.json")
