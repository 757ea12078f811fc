"""Laws of the loss: chunks change nothing, what is not learned has no say, the vocabulary is never kept."""

import math

import pytest
import torch

from train.loss import chunked_loss


def _full(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    softcap: float | None,
) -> torch.Tensor:
    logits = hidden @ weight.T
    if softcap is not None:
        logits = torch.tanh(logits / softcap) * softcap
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    return (each * weights).sum()


def _given(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    hidden = torch.randn(count, 12, dtype=torch.float64) * 3
    weight = torch.randn(50, 12, dtype=torch.float64)
    return hidden, weight, torch.randint(50, (count,)), torch.rand(count, dtype=torch.float64)


@pytest.mark.parametrize("softcap", [None, 5.0, 30.0])
@pytest.mark.parametrize("chunk", [1, 4, 7, 100])
def test_chunks_give_the_full_loss_and_its_gradient(chunk: int, softcap: float | None) -> None:
    hidden, weight, labels, weights = _given(chunk, 17)
    one, two = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    expected = _full(one, weight, labels, weights, softcap) * 0.25
    found = chunked_loss(two, weight, labels, weights, softcap=softcap, chunk=chunk) * 0.25
    expected.backward()  # type: ignore[no-untyped-call]
    found.backward()  # type: ignore[no-untyped-call]
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    assert one.grad is not None
    assert two.grad is not None
    torch.testing.assert_close(two.grad, one.grad, rtol=1e-10, atol=1e-12)


def test_a_position_of_weight_zero_has_no_gradient() -> None:
    hidden, weight, labels, weights = _given(1, 9)
    weights[4] = 0
    hidden.requires_grad_()
    chunked_loss(hidden, weight, labels, weights, chunk=4).backward()  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    assert hidden.grad[4].abs().max() == 0
    assert all(hidden.grad[i].abs().max() > 0 for i in range(9) if i != 4)


def test_nothing_to_learn_is_zero() -> None:
    hidden, weight, labels, weights = _given(1, 3)
    hidden = hidden[:0].requires_grad_()
    loss = chunked_loss(hidden, weight, labels[:0], weights[:0])
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0


def test_huge_logits_stay_finite() -> None:
    hidden = torch.full((2, 4), 1e4, requires_grad=True)
    weight = torch.tensor([[1.0] * 4, [-1.0] * 4, [0.5] * 4])
    loss = chunked_loss(hidden, weight, torch.tensor([0, 2]), torch.ones(2))
    assert math.isfinite(loss.item())
    assert loss.item() == pytest.approx(2e4)


def test_bfloat16_computes_the_softmax_in_float32() -> None:
    hidden, weight, labels, weights = _given(5, 40)
    exact = chunked_loss(hidden, weight, labels, weights).item()
    rough = chunked_loss(hidden.bfloat16(), weight.bfloat16(), labels, weights.float(), chunk=16)
    assert rough.dtype == torch.float32
    assert rough.item() == pytest.approx(exact, rel=0.02)


def test_backward_keeps_nothing_of_the_vocabularys_size() -> None:
    hidden, weight, labels, weights = _given(6, 30)
    sizes: list[int] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        chunked_loss(hidden.requires_grad_(), weight, labels, weights, chunk=8)
    assert sizes == [hidden.numel()]
