"""Rotary positions: what turning means, and settings that are none."""

import numpy as np
import pytest

from tapegrad.models.pretrained.rope import TYPES, Rope, rope_settings, rotate

RNG = np.random.default_rng(0)
SCALED = {
    "default": {},
    "linear": {"factor": 2.0},
    "dynamic": {"factor": 2.0},
    "llama3": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    "yarn": {"factor": 4.0},
    "longrope": {"short_factor": [1.0, 1.5, 2.0], "long_factor": [2.0, 3.0, 4.0]},
}


def made(kind="default", dim=6, longest=32, **settings):
    given = {"rope_parameters": {"rope_type": kind, **SCALED.get(kind, {}), **settings}}
    return Rope(rope_settings({"max_position_embeddings": longest, **given}.get), dim, longest)


def test_it_turns_pairs_by_their_angles():
    """As complex numbers: (a + b i) times exp(i p f), with f = theta^(-2 i / D)."""
    x = RNG.normal(size=(2, 3, 5, 6))
    positions = np.array([0, 1, 2, 7, 30])
    found = rotate(x, *made().turn(positions, np.float64)).numpy()
    turns = np.exp(1j * positions[:, None] * 10000.0 ** (-np.arange(0, 6, 2) / 6))
    expected = (x[..., :3] + 1j * x[..., 3:]) * turns
    np.testing.assert_allclose(
        found, np.concatenate([expected.real, expected.imag], -1), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("kind", TYPES)
def test_products_depend_on_distance_alone(kind):
    q, k = RNG.normal(size=(2, 1, 1, 1, 6))
    rope = made(kind)

    def product(p, s):
        turned = [rotate(x, *rope.turn(np.array([at]), np.float64)).numpy() for x, at in ((q, p), (k, s))]
        return np.vdot(*turned)

    assert product(9, 4) == pytest.approx(product(25, 20), rel=1e-5)
    assert product(9, 4) != pytest.approx(product(9, 5), rel=1e-3)


def test_rows_with_positions_of_their_own():
    x = RNG.normal(size=(2, 3, 4, 6))
    positions = np.array([[0, 0, 1, 2], [5, 6, 7, 8]])
    for kind in TYPES:
        rope = made(kind, longest=4)
        found = rotate(x, *rope.turn(positions, np.float64)).numpy()
        for row in range(2):
            alone = rotate(x[row : row + 1], *rope.turn(positions[row], np.float64)).numpy()
            np.testing.assert_allclose(found[row], alone[0], rtol=1e-12)


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_a_long_text_has_slower_waves(kind):
    rope = made(kind, longest=8)
    short, long = (rope.frequencies(np.array([n]))[0] for n in (8, 9))
    assert (long <= short).all() and (long < short).any()
    assert rope.by_length and not made("yarn").by_length


def test_older_names():
    theta, scaling = {"rope_theta": 500.0}, {"type": "linear", "factor": 3}
    expected = {"rope_theta": 500.0, "rope_type": "linear", "factor": 3}
    assert rope_settings({**theta, "rope_scaling": scaling}.get) == expected
    assert rope_settings({"rope_parameters": expected}.get) == expected
    assert rope_settings({"rope_scaling": None, **theta}.get) == {"rope_theta": 500.0, "rope_type": "default"}
    assert rope_settings({}.get, 2e6)["rope_theta"] == 2e6
    given = {"rope_parameters": {"rope_type": "yarn", "original_max_position_embeddings": 7}}
    longest = {"max_position_embeddings": 9}
    for more, original in (({}, 7), ({"original_max_position_embeddings": 5}, 5)):
        settings = rope_settings({**given, **longest, **more}.get)
        assert settings["original_max_position_embeddings"] == original
    assert (
        rope_settings({**longest, "rope_scaling": {"type": "yarn"}}.get)["original_max_position_embeddings"]
        == 9
    )
    assert scaling == {"type": "linear", "factor": 3}


@pytest.mark.parametrize(
    "kind, settings, words",
    [
        ("ntk", {}, "no rope_type is called 'ntk'; there are default, linear"),
        ("linear", {"factor": None}, "rope_type 'linear' needs the setting 'factor'"),
        ("linear", {"factor": 0}, "factor of rope_type 'linear' is to be a number above 0, not 0"),
        ("linear", {"factor": "2"}, "above 0, not '2'"),
        ("dynamic", {"factor": float("nan")}, "above 0, not nan"),
        (
            "default",
            {"rope_theta": -1.0},
            "rope_theta of rope_type 'default' is to be a number above 0, not -1.0",
        ),
        ("default", {"partial_rotary_factor": 0.5}, "partial_rotary_factor .* is to be 1"),
        ("llama3", {"high_freq_factor": 1.0}, "high_freq_factor .* is to be above low_freq_factor, 1.0"),
        (
            "yarn",
            {"original_max_position_embeddings": "long"},
            "original_max_position_embeddings .*, not 'long'",
        ),
        ("yarn", {"beta_fast": -1}, "beta_fast .* above 0, not -1"),
        ("longrope", {"long_factor": [1.0]}, r"long_factor .* is to be 3 numbers above 0, not \[1.0\]"),
        ("longrope", {"short_factor": [1, 2, -3]}, "short_factor .* 3 numbers above 0"),
        ("default", {"full_attention": {}}, "settings for all layers alike"),
    ],
)
def test_settings_that_are_none(kind, settings, words):
    with pytest.raises(ValueError, match=f"config.json: .*{words}"):
        made(kind, **settings)


def test_what_is_missing():
    for kind, settings in SCALED.items():
        for name in settings:
            given = {"rope_type": kind, **{key: value for key, value in settings.items() if key != name}}
            if (kind, name) == ("yarn", "factor"):
                continue  # by the lengths
            with pytest.raises(ValueError, match=f"rope_type '{kind}' needs the setting '{name}'"):
                Rope(rope_settings({"rope_scaling": given, "max_position_embeddings": 8}.get), 6, 8)


@pytest.mark.parametrize("kind, dim", [("default", 5), ("dynamic", 2)])
def test_heads_that_cannot_be_turned(kind, dim):
    with pytest.raises(ValueError, match=f"cannot turn heads of {dim} features"):
        made(kind, dim=dim)
