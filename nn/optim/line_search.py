"""A step's length by the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

DECREASE, CURVATURE = 1e-4, 0.9  # c1 and c2 of the conditions


class Point(NamedTuple):
    """What is known at the length t along the direction."""

    t: Any
    loss: float
    gradient: np.ndarray
    slope: Any  # along the direction


def strong_wolfe(
    evaluate: Callable[[Any], Point], start: Point, t: Any, most: int, size: Any, smallest: float
) -> tuple[Point, int]:
    """(a point that satisfies the conditions, how often `evaluate` was called), t being tried first.

    `start` is the point at 0. Where `most` calls after the first do not find it, or the interval times `size`
    (of the direction) is below `smallest`, it is the best point of the interval.
    """
    points, found, calls = _bracket(evaluate, start, t, most)
    low = _lower(points)
    stuck = False
    while not found and calls <= most and not abs(points[1].t - points[0].t) * size < smallest:
        t, stuck = _next(points, stuck)
        point = evaluate(t)
        calls += 1
        if point.loss > _enough(start, t) or point.loss >= points[low].loss:
            points[1 - low] = point
            low = _lower(points)
            continue
        if abs(point.slope) <= -CURVATURE * start.slope:
            found = True
        elif point.slope * (points[1 - low].t - points[low].t) >= 0:
            points[1 - low] = points[low]
        points[low] = point
    return points[low], calls


def _bracket(
    evaluate: Callable[[Any], Point], start: Point, t: Any, most: int
) -> tuple[list[Point], bool, int]:
    """(two points with one between them that satisfies the conditions, whether they do, calls)."""
    before, point = start, evaluate(t)
    for tried in range(most):
        calls = tried + 1
        if point.loss > _enough(start, point.t) or (tried > 1 and point.loss >= before.loss):
            return [before, point], False, calls
        if abs(point.slope) <= -CURVATURE * start.slope:
            return [point, point], True, calls
        if point.slope >= 0:
            return [before, point], False, calls
        shortest = point.t + 0.01 * (point.t - before.t)
        before, point = point, evaluate(cubic_minimum(before, point, shortest, 10 * point.t))
    return [start, point], False, max(most, 0) + 1


def _enough(start: Point, t: Any) -> Any:
    """The loss that is low enough at t."""
    return start.loss + DECREASE * t * start.slope


def _lower(points: list[Point]) -> int:
    return 0 if points[0].loss <= points[1].loss else 1


def _next(points: list[Point], stuck: bool) -> tuple[Any, bool]:
    """(the length to try between two points, whether it is so near one of them that the next may not be)."""
    a, b = points
    lower, upper = min(a.t, b.t), max(a.t, b.t)
    t = cubic_minimum(a, b, lower, upper)
    margin = 0.1 * (upper - lower)
    near = min(upper - t, t - lower) < margin
    if near and (stuck or t >= upper or t <= lower):
        return (upper - margin if abs(t - upper) < abs(t - lower) else lower + margin), False
    return t, near


def cubic_minimum(a: Point, b: Point, lower: Any, upper: Any) -> Any:
    """Where the cubic through the losses and slopes of two points is lowest, between `lower` and `upper`.

    (3.59) of Nocedal and Wright; the middle where there is no such place, also for losses that are inf.
    """
    if a.t > b.t:
        a, b = b, a
    width = b.t - a.t
    d1 = a.slope + b.slope - (3 * (b.loss - a.loss) / width if width else math.nan)
    d2 = np.sqrt(d1 * d1 - a.slope * b.slope)
    t = b.t - width * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return (lower + upper) / 2.0 if math.isnan(t) else min(max(t, lower), upper)
