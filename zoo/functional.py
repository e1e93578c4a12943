"""Derivatives of functions, for people who come from JAX: `value_and_grad` and `stop_gradient` over torch.func."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

__all__ = ["stop_gradient", "value_and_grad"]


def value_and_grad(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that returns both `fn`'s value and its gradient, as JAX's of the same name.

    It takes the arguments of `fn`. Those to differentiate are trees: tensors in any nesting of tuples, lists, dicts
    and named tuples, where Python floats count as tensors () and None as nothing. The gradient has the structure,
    shapes and types of its argument, and zeros where the value does not depend on it. Nothing is accumulated in
    `.grad`. The function composes with itself and with `torch.func.vmap`, `grad`, `jvp` ...

    Args:
        fn: returns a real scalar tensor (), or with `has_aux` a pair of it and anything else.
        argnums: the positional argument to differentiate, or several of them: then the gradient is a tuple. Counted
            from the end where negative. Keyword arguments are passed on, and are constants.
        has_aux: whether `fn` returns such a pair.

    Returns:
        A function that returns `(value, gradient)`, or with `has_aux` `((value, aux), gradient)`.

    Raises:
        TypeError: on a call, `fn` returns something else than a real scalar tensor, or no pair; a leaf to
            differentiate is no number, or not a floating-point or complex one.
        ValueError: on a call, an argument to differentiate is not given; now, `argnums` names none, or one twice.

    Example:
        >>> def loss(params, x, y):
        ...     return ((params["w"] * x + params["b"] - y) ** 2).mean()
        >>> params = {"w": torch.tensor(2.0), "b": torch.tensor(0.0)}
        >>> value, gradient = value_and_grad(loss)(params, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]))
        >>> value.item(), gradient["w"].item(), gradient["b"].item()  # mean of x², 2 x², 2 x
        (2.5, 5.0, 3.0)
    """
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"argnums: {argnums} names {'one twice' if chosen else 'no argument'}; give each once")

    @wraps(fn, updated=())
    def derived(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        positions = [_position(one, len(args)) for one in chosen]
        if len(set(positions)) < len(positions):
            raise ValueError(f"argnums: {argnums} names an argument twice; give each once")
        leaves, structure = pytree.tree_flatten([args[position] for position in positions])
        places = [place for place, leaf in enumerate(leaves) if leaf is not None]
        variables = tuple(_variable(leaves[place]) for place in places)

        def of_variables(varied: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
            given = list(args)
            trees = pytree.tree_unflatten(_with(leaves, places, varied), structure)
            for position, tree in zip(positions, trees, strict=True):
                given[position] = tree
            value, aux = _checked(fn(*given, **kwargs), has_aux)
            auxiliary.append(pytree.tree_flatten(aux))
            return value, tuple(leaf for leaf in auxiliary[-1][0] if isinstance(leaf, Tensor))

        auxiliary: list[tuple[list[Any], pytree.TreeSpec]] = []  # torch.func hands nothing through but tensors
        found, (value, tensors) = torch.func.grad_and_value(of_variables, has_aux=True)(variables)
        gradients = pytree.tree_unflatten(_with(leaves, places, found), structure)
        gradient = gradients[0] if isinstance(argnums, int) else tuple(gradients)
        if not has_aux:
            return value, gradient
        rest, form = auxiliary.pop()
        where = [place for place, leaf in enumerate(rest) if isinstance(leaf, Tensor)]
        return (value, pytree.tree_unflatten(_with(rest, where, tensors), form)), gradient

    return derived


def stop_gradient(tree: Any) -> Any:
    """The same values as constants: no derivative, of any order or mode, goes through them; as JAX's.

    Args:
        tree: a tensor, or tensors in any nesting of tuples, lists, dicts and named tuples. What is no tensor is
            returned as it is.

    Example:
        >>> value_and_grad(lambda x: x * stop_gradient(x))(torch.tensor(3.0))
        (tensor(9.), tensor(3.))
    """
    return pytree.tree_map(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, tree)


def _position(argnum: int, count: int) -> int:
    """A place among so many positional arguments.

    Raises:
        ValueError: there is none.
    """
    if not -count <= argnum < count:
        raise ValueError(f"argnums: {argnum} of {count} positional arguments; give those to differentiate by position")
    return argnum % count


def _variable(leaf: Any) -> Tensor:
    """A leaf as what can be differentiated with respect to.

    Raises:
        TypeError: it cannot.
    """
    if isinstance(leaf, float | complex):
        return torch.tensor(leaf)
    if not isinstance(leaf, Tensor):
        raise TypeError(
            f"a gradient is with respect to tensors, not {type(leaf).__name__}; leave it to another argument"
        )
    if not (leaf.is_floating_point() or leaf.is_complex()):
        raise TypeError(f"there is no gradient with respect to {leaf.dtype}; convert it with .float()")
    return leaf


def _with(leaves: Sequence[Any], places: Sequence[int], values: Sequence[Tensor]) -> list[Any]:
    """Leaves, with values in some places."""
    found = list(leaves)
    for place, value in zip(places, values, strict=True):
        found[place] = value
    return found


def _checked(output: Any, has_aux: bool) -> tuple[Tensor, Any]:
    """The value that a function returned, and what it returned beside it, or `None`.

    Raises:
        TypeError: there is no gradient of it.
    """
    if has_aux and (not isinstance(output, tuple) or len(output) != 2):
        raise TypeError(f"with has_aux the function returns (value, aux), not {_described(output)}")
    value, aux = output if has_aux else (output, None)
    if isinstance(value, Tensor) and value.ndim == 0 and value.is_floating_point():
        return value, aux
    remedy = ""
    if isinstance(value, Tensor) and value.ndim:
        remedy = "; reduce it, with .mean() or .sum()"
    elif isinstance(value, tuple) and not has_aux:
        remedy = "; set has_aux=True if the rest is auxiliary"
    returned = _described(value)
    raise TypeError(f"a gradient is that of a real scalar tensor (), the function returned {returned}{remedy}")


def _described(value: Any) -> str:
    """What something is, in a word or two."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, tuple) else "")
