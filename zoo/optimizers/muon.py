"""Orthogonalised momentum for matrices, AdamW for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt, Interval
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from zoo.optimizers.combined import Combined, with_rate
from zoo.optimizers.options import NonNegative, Share
from zoo.optimizers.stepping import evaluated
from zoo.optimizers.torch_optimizers import adamw

#: A group's own word on whether its matrices are orthogonalised; for embeddings and heads, say false.
_CHOICE = "muon"


def _split(group: dict[str, Any]) -> tuple[list[Tensor], list[Tensor]]:
    """The matrices of a group, and the rest; all is rest where the group says so."""
    wanted = group.get(_CHOICE, True)
    matrices = [one for one in group["params"] if wanted and one.ndim == 2]
    return matrices, [one for one in group["params"] if not wanted or one.ndim != 2]


class MuonAndAdamW(Combined):
    """torch's Muon for matrices and AdamW for everything else, as one optimizer.

    Args:
        matrices: Muon, if there is anything for it.
        rest: AdamW, if there is anything for it.
    """

    def __init__(self, matrices: Optimizer | None, rest: Optimizer | None) -> None:
        parts = [part for part in (matrices, rest) if part is not None]
        self._places = [parts.index(part) if part is not None else None for part in (matrices, rest)]
        super().__init__(parts)
        self.defaults[_CHOICE] = True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of both; returns what the closure returned."""
        loss = evaluated(closure)
        for part in self.parts:
            part.step()
        return loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train further parameters, each with the part it is for.

        Raises:
            ValueError: they are for a part that had none so far.
        """
        if not hasattr(self, "_owners"):
            super().add_param_group(param_group)
            return
        for place, tensors in zip(self._places, _split(param_group), strict=True):
            if tensors and place is None:
                raise ValueError("Muon cannot take matrices later if it starts with none, nor AdamW the rest")
            if tensors and place is not None:
                self._add_to(place, {**param_group, "params": tensors})


def muon(
    params: ParamsT,
    lr: NonNegative = 0.001,
    momentum: Share = 0.95,
    nesterov: bool = True,
    weight_decay: NonNegative = 0.01,
    newton_schulz_steps: Annotated[int, Interval(ge=1, lt=100)] = 5,
    scale: Literal["rms_of_adamw", "original"] = "rms_of_adamw",
    rest_lr: NonNegative | None = None,
    rest_betas: tuple[Share, Share] = (0.9, 0.999),
    rest_eps: Annotated[float, Gt(0)] = 1e-8,
) -> MuonAndAdamW:
    """Muon for matrices, AdamW for biases, norms and kernels: B ← μ B + (1 - μ) g, θ ← (1 - η λ) θ - η s O.

    O is the orthogonal factor of g + (B - g) μ (Nesterov's, else of B), about, by Newton and Schulz's iteration in
    bfloat16; Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks". torch's, from 2.9 on.

    An embedding is a matrix too, and so is a classifier's head: both are better off with AdamW. A group with
    `muon: false` gives all its parameters to it.

    Args:
        params: tensors or groups.
        lr: η.
        momentum: μ.
        nesterov: whether to look ahead.
        weight_decay: λ, decoupled, of both.
        newton_schulz_steps: iterations of the orthogonalisation.
        scale: s for an A x B matrix: 0.2 √max(A, B), which suits AdamW's learning rates (Liu et al. 2025, equation
            4), or √max(1, A/B), Jordan's, with a learning rate near 0.02.
        rest_lr: AdamW's learning rate; null is `lr`.
        rest_betas: AdamW's.
        rest_eps: AdamW's.

    Raises:
        ValueError: this torch has no Muon.
    """
    if not hasattr(torch.optim, "Muon"):
        raise ValueError(f"torch {torch.__version__} has no Muon; install torch 2.9 or later")
    groups = with_rate(params, None)
    pieces: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for group in groups:
        for found, tensors, suffix in zip(pieces, _split(group), ("", " adamw"), strict=True):
            if tensors:
                named = {"name": f"{group['name']}{suffix}"} if "name" in group else {}
                found.append({**group, **named, "params": tensors})
    matrices = rest = None
    if pieces[0]:
        matrices = torch.optim.Muon(
            pieces[0],
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            ns_steps=newton_schulz_steps,
            adjust_lr_fn="match_rms_adamw" if scale == "rms_of_adamw" else "original",
        )
    if pieces[1]:
        rate = lr if rest_lr is None else rest_lr
        rest = adamw(pieces[1], lr=rate, betas=rest_betas, eps=rest_eps, weight_decay=weight_decay)
    return MuonAndAdamW(matrices, rest)
