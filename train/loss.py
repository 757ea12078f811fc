"""Cross-entropy of the supervised positions only, in chunks: the logits of a whole batch never exist.

Of Gemma's vocabulary of 262,144 tokens, 8,192 positions are 8.6 GB of float32 logits; a reply is a tenth of
an example. The output layer is frozen, so that the gradient of the hidden states is all that is needed: it
is computed with the loss, chunk by chunk, and nothing of the size of the vocabulary is kept for backward.
"""

from typing import Any

import torch
from torch import Tensor

__all__ = ["chunked_loss", "token_losses"]


def chunked_loss(
    hidden: Tensor,
    weight: Tensor,
    labels: Tensor,
    weights: Tensor,
    *,
    softcap: float | None = None,
    chunk: int = 128,
) -> Tensor:
    """Sum over s of weights[s] * -log p(labels[s] | hidden[s]), a scalar in float32 (float64 stays).

    hidden: [S, H], what the output layer is given at the supervised positions; weight: [V, H] of the output
    layer, frozen; labels: int64 [S]; softcap: Gemma 2's final_logit_softcapping. chunk: positions at a
    time; chunk * V floats are the memory it takes.
    """
    return _ChunkedLoss.apply(hidden, weight, labels, weights, softcap, chunk)  # type: ignore[no-any-return,no-untyped-call]


@torch.no_grad()
def token_losses(
    hidden: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    softcap: float | None = None,
    chunk: int = 128,
) -> Tensor:
    """-log p(labels[s] | hidden[s]) for each s, [S] in float32 (float64 stays); no gradient.

    Shapes as in `chunked_loss`.
    """
    exact = torch.float64 if hidden.dtype == torch.float64 else torch.float32
    found = torch.empty(hidden.shape[0], dtype=exact, device=hidden.device)
    with torch.autocast(hidden.device.type, enabled=False):
        for at in range(0, hidden.shape[0], chunk):
            part = slice(at, at + chunk)
            logits = (hidden[part].to(weight.dtype) @ weight.T).to(exact)
            if softcap is not None:
                logits.div_(softcap).tanh_().mul_(softcap)
            chosen = logits.gather(1, labels[part, None])[:, 0]
            found[part] = torch.logsumexp(logits, 1) - chosen
    return found


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        labels: Tensor,
        weights: Tensor,
        softcap: float | None,
        chunk: int,
    ) -> Tensor:
        exact = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        gradient = torch.empty_like(hidden)
        total = torch.zeros((), dtype=exact, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for at in range(0, hidden.shape[0], chunk):
                part = slice(at, at + chunk)
                logits = (hidden[part].to(weight.dtype) @ weight.T).to(exact)
                if softcap is not None:
                    logits.div_(softcap).tanh_()
                    slope = 1 - logits.square()
                    logits.mul_(softcap)
                wanted = labels[part, None]
                share = weights[part, None].to(exact)
                logits.sub_(logits.amax(1, keepdim=True))
                chosen = logits.gather(1, wanted)
                mass = logits.exp_().sum(1, keepdim=True)
                total += ((mass.log() - chosen) * share).sum()
                # In place, the logits become their own gradient: (softmax - one hot) * share.
                logits.mul_(share / mass).scatter_add_(1, wanted, -share)
                if softcap is not None:
                    logits.mul_(slope)
                gradient[part] = (logits.to(weight.dtype) @ weight).to(hidden.dtype)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0].to(gradient.dtype), None, None, None, None, None
