"""Rotary positions (Su et al. 2021, arXiv:2104.09864), scaled for longer texts as checkpoints are.

Each pair of features i and i + D / 2 of a query or key at position p is turned by the angle p * f[i], with
frequencies f[i] = theta^(-2 i / D). Angles are computed in float32, as in transformers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from ...autograd import op
from ...autograd.arrays import DTypeLike

Turn = tuple[np.ndarray, np.ndarray]  # what `rotate` takes
Frequencies = tuple[np.ndarray, float]  # (D / 2,) or (B, D / 2), and a factor of cos and sin


@op(inputs=1, flops=3)
def rotate(x, cos, sin):
    """Turn the pairs (a, b) of features i and i + D / 2 of x (..., D) to (a cos - b sin, b cos + a sin).

    cos (..., 1, D / 2) and sin (..., 2, D / 2), the sine with both signs, are `Rope.turn`'s, and constants.
    """
    shape = x.shape
    pairs = x.reshape(*shape[:-1], 2, shape[-1] // 2)
    y = pairs * cos
    y += pairs[..., ::-1, :] * sin

    def backward(g):  # by the opposite angle
        g = g.reshape(pairs_shape)
        return ((g * cos - g[..., ::-1, :] * sin).reshape(shape),)

    pairs_shape = pairs.shape
    return y.reshape(shape), backward


# ------------------------------------------------------------------------------------ frequencies


def _default(s: Mapping[str, Any], dim: int, longest: int, length: Any) -> Frequencies:
    exponents = np.arange(0, dim, 2, dtype=np.float32) / np.float32(dim)
    return 1 / np.float32(s["rope_theta"]) ** exponents, 1.0


def _linear(s: Mapping[str, Any], dim: int, longest: int, length: Any) -> Frequencies:
    return _default(s, dim, longest, length)[0] / np.float32(s["factor"]), 1.0


def _dynamic(s: Mapping[str, Any], dim: int, longest: int, length: Any) -> Frequencies:
    """A larger theta, as a text of `length` exceeds the longest that was trained."""
    factor, length = s["factor"], np.maximum(length, longest)
    theta = s["rope_theta"] * (factor * length / longest - (factor - 1)) ** (dim / (dim - 2))
    return _default({"rope_theta": theta}, dim, longest, length)


def _llama3(s: Mapping[str, Any], dim: int, longest: int, length: Any) -> Frequencies:
    """Long waves are stretched by the factor, short ones not, those between in part."""
    f, _ = _default(s, dim, longest, length)
    low, high = s["low_freq_factor"], s["high_freq_factor"]
    turns = s["original_max_position_embeddings"] * f / np.float32(2 * math.pi)  # in the text trained on
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return ((1 - kept) * f / s["factor"] + kept * f).astype(np.float32), 1.0


def _yarn(s: Mapping[str, Any], dim: int, longest: int, length: Any) -> Frequencies:
    """Peng et al. 2023, arXiv:2309.00071: in part by the number of turns, and sharper attention."""
    original, theta = s["original_max_position_embeddings"], s["rope_theta"]
    factor = s.get("factor") or longest / original

    def dimension(turns):  # whose wave makes so many turns in the text trained on
        return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low, high = dimension(s.get("beta_fast") or 32), dimension(s.get("beta_slow") or 1)
    if s.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    ramp = (np.arange(dim // 2, dtype=np.float32) - low) / (high - low or 0.001)
    stretched = np.clip(ramp, 0, 1)
    f, _ = _default(s, dim, longest, length)
    f = (f / np.float32(factor) * stretched + f * (1 - stretched)).astype(np.float32)
    return f, _yarn_scale(s, factor)


def _yarn_scale(s: Mapping[str, Any], factor: float) -> float:
    def scale(m: float) -> float:
        return 0.1 * m * math.log(factor) + 1 if factor > 1 else 1.0

    given, m, m_all = s.get("attention_factor"), s.get("mscale"), s.get("mscale_all_dim")
    if given is not None:
        return given
    return scale(m) / scale(m_all) if m and m_all else scale(1)


def _longrope(s: Mapping[str, Any], dim: int, longest: int, length: Any) -> Frequencies:
    """Ding et al. 2024, arXiv:2402.13753: a factor for each frequency, others for a long text."""
    original = s["original_max_position_embeddings"]
    short, long = (np.array(s[name], np.float32) for name in ("short_factor", "long_factor"))
    factor, scale = s.get("factor") or longest / original, s.get("attention_factor")
    if scale is None:
        scale = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
    f, _ = _default(s, dim, longest, length)
    return f / np.where(np.asarray(length) > original, long, short), scale


NUMBERS = """factor low_freq_factor high_freq_factor original_max_position_embeddings rope_theta
    attention_factor beta_fast beta_slow mscale mscale_all_dim"""
# How each type computes, and the settings that it needs.
TYPES: dict[str, tuple[Callable[..., Frequencies], str]] = {
    "default": (_default, ""),
    "linear": (_linear, "factor"),
    "dynamic": (_dynamic, "factor"),
    "llama3": (_llama3, "factor low_freq_factor high_freq_factor original_max_position_embeddings"),
    "yarn": (_yarn, "original_max_position_embeddings"),
    "longrope": (_longrope, "short_factor long_factor original_max_position_embeddings"),
}
BY_LENGTH = ("dynamic", "longrope")  # whose frequencies depend on the text's length


class Rope:
    """The angles for heads of `dim` features by `settings` as `rope_settings` gives them.

    `longest` is the model's max_position_embeddings. ValueError for a type that is not there, and for
    settings that it lacks or that are no numbers above 0.
    """

    def __init__(self, settings: Mapping[str, Any], dim: int, longest: int):
        self.settings, self.dim, self.longest = settings, dim, longest
        self.by_length = settings["rope_type"] in BY_LENGTH
        _check(settings, dim)
        self._fixed = None if self.by_length else self.frequencies(longest)

    def frequencies(self, length: Any) -> Frequencies:
        """Of texts of this length, (1,) or (B, 1): (dim / 2,) or (B, dim / 2), and a factor of both waves."""
        return TYPES[self.settings["rope_type"]][0](self.settings, self.dim, self.longest, length)

    def turn(self, positions: np.ndarray, dtype: DTypeLike) -> Turn:
        """What `rotate` takes for x (B, H, T, dim) at `positions` (T,) or (B, T), up to the text's last."""
        f, scale = self._fixed or self.frequencies(positions[..., -1:] + 1)
        angles = positions[..., None].astype(np.float32) * f[..., None, :]
        cos, sin = np.cos(angles) * np.float32(scale), np.sin(angles) * np.float32(scale)
        cos, sin = cos[..., None, :].astype(dtype), np.stack([-sin, sin], -2).astype(dtype)
        return (cos, sin) if positions.ndim == 1 else (cos[:, None], sin[:, None])


def rope_settings(get: Callable[..., Any], default_theta: float = 10000.0) -> dict[str, Any]:
    """The settings of rotary positions with their defaults; `get(name, default)` reads config.json.

    There they are called `rope_parameters`, or in older ones `rope_theta` and `rope_scaling`. ValueError for
    what is no dict of settings.
    """
    given = get("rope_scaling", None) or get("rope_parameters", None) or {}
    if not isinstance(given, Mapping) or any(isinstance(value, Mapping) for value in given.values()):
        raise ValueError(
            f"config.json: rope_parameters are to be settings for all layers alike, not {given!r}"
        )
    settings = dict(given)
    settings["rope_type"] = settings.get("rope_type", settings.pop("type", None)) or "default"
    if settings.get("rope_theta") is None:
        settings["rope_theta"] = get("rope_theta", None) or default_theta
    if "original_max_position_embeddings" in TYPES.get(settings["rope_type"], ("", ""))[1]:
        original = get("original_max_position_embeddings", None)  # which is before that of the scaling
        original = original or settings.get("original_max_position_embeddings")
        settings["original_max_position_embeddings"] = original or get("max_position_embeddings")
    return settings


def _check(s: Mapping[str, Any], dim: int) -> None:
    kind, partial = s["rope_type"], s.get("partial_rotary_factor", 1)
    if kind not in TYPES:
        raise ValueError(f"config.json: no rope_type is called {kind!r}; there are {', '.join(TYPES)}")
    if dim % 2 or (kind == "dynamic" and dim < 4):
        raise ValueError(
            f"config.json: rope_type {kind!r} cannot turn heads of {dim} features; an even number"
        )
    if partial != 1:
        _refuse(s, "partial_rotary_factor", "1, as no model here turns a part of its heads")
    needed = [*TYPES[kind][1].split(), "rope_theta"]
    for name in needed:
        if s.get(name) is None:
            raise ValueError(f"config.json: rope_type {kind!r} needs the setting {name!r}")
    for name in NUMBERS.split():
        if (s.get(name) or name in needed) and not _is_number(s[name]):  # who can be left out, can be 0
            _refuse(s, name, "a number above 0")
    for name in ("short_factor", "long_factor") if kind == "longrope" else ():
        values = s[name]
        if (
            not isinstance(values, (list, tuple))
            or len(values) != dim // 2
            or not all(map(_is_number, values))
        ):
            _refuse(s, name, f"{dim // 2} numbers above 0")
    if kind == "llama3" and not s["high_freq_factor"] > s["low_freq_factor"]:
        _refuse(s, "high_freq_factor", f"above low_freq_factor, {s['low_freq_factor']}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def _refuse(s: Mapping[str, Any], name: str, wanted: str) -> NoReturn:
    raise ValueError(
        f"config.json: {name} of rope_type {s['rope_type']!r} is to be {wanted}, not {s[name]!r}"
    )
