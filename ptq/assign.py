"""Mixed precision chooses the format of each layer, where the noises and the costs of layers add up.

A problem is two arrays ``(L, F)``: ``noise[l, f]`` is the noise that layer l brings in format f, ``cost[l, f]`` what it
takes there, both in any unit. An assignment is a tuple of L formats' numbers. A format that a layer cannot have has
infinite noise.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds, LinearConstraint, milp

__all__ = ["cheapest", "greedy", "optimum", "total"]

_UNIT = 1e6  # what the largest objective is scaled to, as the solver's gap is absolute


def total(table: ArrayLike, assignment: tuple[int, ...]) -> float:
    """Return the sum of the entries of a table ``(L, F)`` that an assignment picks."""
    return float(sum(row[f] for row, f in zip(np.asarray(table), assignment, strict=True)))


def greedy(noise: ArrayLike, cost: ArrayLike) -> list[tuple[int, ...]]:
    """Return assignments from the one of least noise to the one of least cost, each a change of one layer.

    Of all changes to a cheaper format the one of least noise per cost saved is made: marginal analysis (Fox 1966), as
    mixed precision by sensitivity usually goes (Zhou and others 2018).
    """
    noise, cost = np.asarray(noise, dtype=float), np.asarray(cost, dtype=float)
    now = [min(range(len(row)), key=lambda f: (row[f], costs[f])) for row, costs in zip(noise, cost, strict=True)]
    path = [tuple(now)]
    while True:
        changes = [
            ((noise[k, f] - noise[k, now[k]]) / (cost[k, now[k]] - cost[k, f]), k, f)
            for k in range(len(now))
            for f in range(noise.shape[1])
            if cost[k, f] < cost[k, now[k]] and np.isfinite(noise[k, f])
        ]
        if not changes:
            return path
        _, layer, chosen = min(changes)
        now[layer] = chosen
        path.append(tuple(now))


def optimum(noise: ArrayLike, cost: ArrayLike, budget: float) -> tuple[int, ...] | None:
    """Return the assignment of least noise whose cost is at most ``budget``; None if there is none.

    Both arguments are tables ``(L, F)``. The function solves a 0/1 program exactly:
    ``min sum noise[l,f]*z[l,f]``, ``sum_f z[l,f] = 1`` for every l, ``sum cost[l,f]*z[l,f] <= budget``.
    """
    return _program(noise, cost, budget)


def cheapest(noise: ArrayLike, cost: ArrayLike, most: float) -> tuple[int, ...] | None:
    """Return the assignment of least cost whose noise is at most ``most``; None if there is none.

    It solves the program of `optimum` with the two tables exchanged.
    """
    return _program(cost, noise, most)


def _program(objective, limited, limit):
    """Return the assignment of least objective whose sum of ``limited`` is at most ``limit``; None if there is none."""
    objective, limited = np.asarray(objective, dtype=float), np.asarray(limited, dtype=float)
    layers, formats = objective.shape
    allowed = np.isfinite(objective) & np.isfinite(limited)
    objective, limited = (np.where(allowed, table, 0) for table in (objective, limited))
    one = np.kron(np.eye(layers), np.ones(formats))
    unit, scale = (max(np.abs(t).max(), 1e-300) for t in (objective, limited))
    found = milp(
        objective.reshape(-1) * (_UNIT / unit),
        integrality=np.ones(layers * formats),
        bounds=Bounds(0, allowed.reshape(-1).astype(float)),
        constraints=[LinearConstraint(one, 1, 1), LinearConstraint(limited.reshape(1, -1) / scale, ub=limit / scale)],
        options={"mip_rel_gap": 0},
    )  # fmt: skip
    if found.x is None:
        return None
    chosen = tuple(int(f) for f in found.x.reshape(layers, formats).argmax(axis=1))
    return chosen if total(limited, chosen) <= limit else None
