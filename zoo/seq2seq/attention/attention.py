"""Attention: a score, a scope, a selection, and coverage."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.precision import in_autocast_type
from zoo.seq2seq.attention.scopes import Centre, Monotonic, Predictive, gaussian
from zoo.seq2seq.attention.score import Score
from zoo.seq2seq.attention.selections import Selection

#: Sources at least this many times as long as all windows together are gathered: below it, copying windows costs more
#: than the energies it saves (measured with additive energies, forward and backward, on a CPU).
_GATHERS_FROM = 4


class Attention(nn.Module):
    """The weighted sum of encoder states that a decoder state asks for.

    ```python
    memory = attention.prepare(keys, mask)                      # once a sentence
    context, weights, state = attention(query, memory, state)   # each step; state is None at the first
    ```

    The module keeps no state. `query` is (B, Q) for one query a sentence, or (B, N, Q) for N hypotheses of each
    sentence at the same step, over one memory. Weights are float32 at least; the context has the keys' type.

    With coverage (Tu et al. 2016; See, Liu & Manning 2017), the weights of all earlier steps are summed, c_s = Σ a_s,
    and enter the energies as if they were one more coordinate of the key h_s. Inside the tanh of `additive` and
    `concat` this is See et al.'s equation 11, vᵀ tanh(W h_s + U q + w c_s). Other scores, which are linear in the
    keys, get e_s + (wᵀ q + b) c_s. w and b are learned.

    Args:
        score: gives the energies.
        query_size: Q.
        scope: `global`: every position; `local_m`: a window that moves on by one each step; `local_p`: a window whose
            centre p the query predicts, and a Gaussian around p multiplied to the weights, which are not normalised
            again; Luong et al. (2015), section 3.2.
        window: D of local scopes; 2D + 1 positions, and σ = D / 2.
        selection: `softmax`, `top_k`, `sparsemax`, `entmax`, `gumbel` or `hard`; see `Selection`.
        temperature: energies are divided by it.
        k: how many positions `top_k` keeps.
        alpha: of `entmax`, from softmax at 1 to sparsemax at 2.
        coverage: whether earlier weights enter the energies.

    Raises:
        ValueError: the score reads coverage, and there is none.
    """

    def __init__(
        self,
        score: Score,
        query_size: int,
        *,
        scope: options.Scope = "global",
        window: int = 10,
        selection: options.Selection = "softmax",
        temperature: float = 1.0,
        k: int = 4,
        alpha: float = 1.5,
        coverage: bool = False,
    ) -> None:
        super().__init__()
        if score.reads_coverage and not coverage:
            raise ValueError("the score reads coverage; build the attention with coverage=True")
        self.score = score
        self.window = window
        self.scope: Monotonic | Predictive | None = None
        if scope != "global":
            self.scope = Monotonic() if scope == "local_m" else Predictive(query_size)
        self.selection = Selection(selection, temperature, k, alpha)
        self.coverage = coverage
        self._counts_steps = scope == "local_m" or not score.stateless
        self.covered = nn.Linear(query_size, 1) if coverage and not score.reads_coverage else None

    @property
    def stateless(self) -> bool:
        """Whether no step needs the weights of another, so that all can be computed at once."""
        return self.score.stateless and not self.coverage

    def prepare(self, keys: Tensor, mask: Tensor) -> Memory:
        """What all steps share.

        Args:
            keys: encoder states, (B, S, K). Whatever stands where there is no token is ignored.
            mask: True where a token stands, (B, S) bool.

        Raises:
            ValueError: a mask of another shape or type.
        """
        if mask.shape != keys.shape[:2] or mask.dtype != torch.bool:
            raise ValueError(
                f"the mask is {tuple(mask.shape)} of {mask.dtype}, and keys are {tuple(keys.shape)}; "
                "give (B, S) of torch.bool, True where a token stands"
            )
        keys = in_autocast_type(keys).masked_fill(~mask.unsqueeze(-1), 0.0)
        positions = torch.arange(1, mask.shape[1] + 1, device=mask.device)
        return Memory(keys, mask, (mask * positions).amax(1), self.score.prepare(keys, mask))

    def forward(self, query: Tensor, memory: Memory, state: State | None = None) -> tuple[Tensor, Tensor, State | None]:
        """One step.

        Args:
            query: (B, Q), or (B, N, Q) with N hypotheses of each sentence.
            memory: of `prepare`.
            state: what the step before returned; None at the first.

        Returns:
            Context, (B, K) or (B, N, K); weights, (B, S) or (B, N, S); and the state for the next step, None where none
            is needed.

        Raises:
            ValueError: a query for another number of sentences than the memory holds.
        """
        if query.shape[0] != memory.mask.shape[0]:
            raise ValueError(
                f"queries of {query.shape[0]} rows and a memory of {memory.mask.shape[0]} sentences; "
                "give several hypotheses of a sentence as (B, N, Q)"
            )
        queries = query.unsqueeze(1) if query.dim() == 2 else query
        position = self._position(queries, state)
        context, weights = self._attend(queries, memory, state, position)
        state = self._next(position, weights, state)
        return (context, weights, state) if query.dim() == 3 else (context.squeeze(1), weights.squeeze(1), state)

    def steps(self, queries: Tensor, memory: Memory, state: State | None = None) -> tuple[Tensor, Tensor, State | None]:
        """T steps of one hypothesis a sentence, whose queries are all known; at once where no step needs another.

        Args:
            queries: (B, T, Q).
            memory: of `prepare`.
            state: what the step before returned; None at the first.

        Returns:
            Contexts, (B, T, K), weights, (B, T, S), and the state for the step after them: what `forward` gives one
            step after the other.
        """
        if not self.stateless:
            contexts, all_weights = [], []
            for t in range(queries.shape[1]):
                context, weights, state = self(queries[:, t : t + 1], memory, state)
                contexts.append(context)
                all_weights.append(weights)
            return torch.cat(contexts, 1), torch.cat(all_weights, 1), state
        start = self._position(queries[:, :1], state)
        if start is None:
            return *self._attend(queries, memory, state, None), None
        position = start + torch.arange(queries.shape[1], device=queries.device)
        return *self._attend(queries, memory, state, position), State(position=start + queries.shape[1])

    def _position(self, queries: Tensor, state: State | None) -> Tensor | None:
        """Number of the step, (B, N), where something counts steps."""
        if state is not None:
            return state.position
        if not self._counts_steps:
            return None
        return torch.zeros(queries.shape[:2], dtype=torch.long, device=queries.device)

    def _next(self, position: Tensor | None, weights: Tensor, state: State | None) -> State | None:
        """The state after a step, (B, N), with these weights, (B, N, S)."""
        if position is None and not self.coverage:
            return None
        covered = state.coverage if state is not None else None
        return State(
            position=None if position is None else position + 1,
            weights=None if self.score.stateless else weights,
            coverage=(weights if covered is None else covered + weights) if self.coverage else None,
        )

    def _attend(
        self, queries: Tensor, memory: Memory, state: State | None, position: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Contexts (B, N, K) and weights (B, N, S)."""
        if self.scope is None:
            return self._align(queries, memory, state, memory.mask.unsqueeze(1), None)
        centre = self.scope(queries, memory, position)
        length = memory.mask.shape[1]
        if self.score.pointwise and length >= _GATHERS_FROM * queries.shape[1] * (2 * self.window + 1):
            return self._attend_windows(queries, memory, state, centre)
        positions = torch.arange(length, device=queries.device)
        inside = (positions - centre.middle.unsqueeze(-1)).abs_() <= self.window
        factor = None if centre.real is None else gaussian(centre.real, positions, self.window)
        return self._align(queries, memory, state, inside & memory.mask.unsqueeze(1), factor)

    def _attend_windows(
        self, queries: Tensor, memory: Memory, state: State | None, centre: Centre
    ) -> tuple[Tensor, Tensor]:
        """`_attend`, reading nothing outside the windows: each is a sentence of 2D + 1 positions with one query."""
        positions = centre.middle.unsqueeze(-1) + torch.arange(-self.window, self.window + 1, device=queries.device)
        windows = memory.window(positions)
        factor = None
        if centre.real is not None:
            factor = gaussian(centre.real, positions, self.window).flatten(0, 1).unsqueeze(1)
        context, weights = self._align(
            queries.flatten(0, 1).unsqueeze(1),
            windows,
            None if state is None else state.window(positions),
            windows.mask.unsqueeze(1),
            factor,
        )
        batch, length = memory.mask.shape
        # Positions beyond the ends have weight zero, and so may be added to the position at the end.
        everywhere = weights.new_zeros(batch, queries.shape[1], length).scatter_add(
            -1, positions.clamp(0, length - 1), weights.view_as(positions)
        )
        return context.view(batch, queries.shape[1], -1), everywhere

    def _align(
        self, queries: Tensor, memory: Memory, state: State | None, allowed: Tensor, factor: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Contexts and weights, given where weights may stand, (B, 1, S) or (B, N, S), and what multiplies them."""
        energies = self.score.energies(queries, memory, state)
        several_heads = energies.dim() == 4
        if self.covered is not None and state is not None and state.coverage is not None:
            repeated = self.covered(queries) * state.coverage
            energies = energies + (repeated.unsqueeze(2) if several_heads else repeated)
        weights = self.selection(energies, allowed.unsqueeze(2) if several_heads else allowed)
        if factor is not None:
            weights = weights * (factor.unsqueeze(2) if several_heads else factor)
        context = self.score.context(weights.to(memory.keys.dtype), memory)
        return context, weights.mean(2) if several_heads else weights
