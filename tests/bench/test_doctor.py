"""The doctor: every check has a state, and whatever does not work has a remedy."""

from pathlib import Path

import pytest

from bench.doctor import Check, examine


def check(what: str) -> Check:
    (found,) = [c for c in examine() if c.what == what]
    return found


def test_every_check_has_a_state_and_every_fault_a_remedy() -> None:
    checks = examine()
    assert len({c.what for c in checks}) == len(checks)
    assert {c.state for c in checks} <= {"ok", "missing", "note"}
    assert all(c.found for c in checks)
    assert all(c.remedy for c in checks if c.state == "missing")


def test_what_a_run_needs_is_looked_at_and_found_here() -> None:
    states = {c.what: c.state for c in examine()}
    for what in ("torch", "transformers", "peft", "safetensors", "device", "engine transformers"):
        assert states[what] == "ok", what
    assert states["engine vllm"] == "note"
    assert {"home", "disk", "gemma-3-270m"} <= states.keys()


def test_a_home_that_can_be_written_is_ok(home: Path) -> None:
    assert (check("home").state, check("home").found) == ("ok", str(home))


def test_a_home_that_cannot_be_made_is_a_fault_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("CALLBENCH_HOME", str(file))
    found = check("home")
    assert found.state == "missing"
    assert str(file) in found.found
    assert "CALLBENCH_HOME" in found.remedy
    assert check("disk").found.endswith("free")


def test_a_prepared_model_is_ok_and_an_unprepared_one_is_not(home: Path) -> None:
    before = check("gemma-3-270m")
    assert before.state in ("note", "missing")
    assert before.remedy
    folder = home / "models" / "gemma-3-270m"
    folder.mkdir(parents=True)
    (folder / "callbench.json").write_text("{}")
    assert (check("gemma-3-270m").state, check("gemma-3-270m").remedy) == ("ok", "")
