"""Optimizers that see whole parameters: Adafactor and Muon against plain formulas."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallel_cases import KINDS, net, regression, squared
from parallel_cases import state as weights_of
from tapegrad import nn
from tapegrad.nn import parallel
from tapegrad.nn.optim import Adafactor, Muon

SHAPES = {
    Adafactor: [(6, 4), (5,), (), (2, 0), (3, 2, 4), (2, 2, 3, 2)],
    Muon: [(6, 4), (4, 6), (5, 5), (0, 3)],
}
OPTIONS = [
    (Adafactor, {}),
    (Adafactor, {"lr": 0.3, "weight_decay": 0.1, "maximize": True, "beta2_decay": -0.5}),
    (Adafactor, {"eps": (0.1, 0.7), "d": 1.5, "foreach": True}),
    (Muon, {}),
    (Muon, {"lr": 0.1, "nesterov": False, "momentum": 0.5, "weight_decay": 0.0}),
    (Muon, {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "eps": 30.0}),
    (Muon, {"adjust_lr_fn": "original", "ns_coefficients": (3.4, -4.7, 2.0)}),
]
IDS = [f"{kind.__name__}-{'-'.join(options)}" for kind, options in OPTIONS]


def adafactor(p, g, s, t, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, **flags):
    eps1 = np.finfo(np.float64).eps if eps[0] is None else eps[0]
    keep = 1 - t**beta2_decay
    if p.ndim < 2:
        v = s["variance"] = keep * s.get("variance", 0) + (1 - keep) * g**2
    else:
        r = s["row_var"] = keep * s.get("row_var", 0) + (1 - keep) * np.mean(g**2, -1, keepdims=True)
        c = s["col_var"] = keep * s.get("col_var", 0) + (1 - keep) * np.mean(g**2, -2, keepdims=True)
        v = r @ c / np.maximum(np.mean(r, -2, keepdims=True), eps1)
    u = g / np.maximum(np.sqrt(v), eps1)
    step = min(lr, t**-0.5) * max(eps[1], np.sqrt(np.mean(p**2))) / max(1, np.sqrt(np.mean(u**2)) / d)
    return p - lr * weight_decay * p + (step * u if flags.get("maximize") else -step * u)


def muon(p, g, s, t, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, eps=1e-7, ns_steps=5, **rest):
    b = s["momentum_buffer"] = momentum * s.get("momentum_buffer", 0) + (1 - momentum) * g
    u = (1 - momentum) * g + momentum * b if nesterov else b
    # on singular values the polynomial is one of numbers
    left, sizes, right = np.linalg.svd(u / max(np.sqrt(np.sum(u**2)), eps), full_matrices=False)
    k0, k1, k2 = rest.get("ns_coefficients", (3.4445, -4.7750, 2.0315))
    for _ in range(ns_steps):
        sizes = k0 * sizes + k1 * sizes**3 + k2 * sizes**5
    m, n = p.shape
    ratio = 0.2 * max(m, n) ** 0.5 if rest.get("adjust_lr_fn") == "match_rms_adamw" else max(1, m / n) ** 0.5
    return p - lr * weight_decay * p - lr * ratio * (left * sizes) @ right


RULES = {Adafactor: adafactor, Muon: muon}


def parameters(kind, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [nn.Parameter(np.asarray(rng.standard_normal(shape), dtype)) for shape in SHAPES[kind]]


def steps(optimizer, params, numbers):
    """Steps with made-up gradients that depend on the step's number; the parameter 1 has none at times."""
    for number in numbers:
        rng = np.random.default_rng(number)
        for i, p in enumerate(params):
            g = np.asarray(rng.standard_normal(p.shape), p.dtype)
            p.grad = None if i == 1 and number % 3 == 0 else g
        optimizer.step()
        yield


@pytest.mark.parametrize(("kind", "options"), OPTIONS, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 5e-5)])
def test_update_follows_its_formula(kind, options, dtype, tolerance):
    params = parameters(kind, dtype)
    want, states = [p.data.astype(np.float64) for p in params], [{} for _ in params]
    counts = [0] * len(params)
    if dtype == np.float32 and kind is Adafactor:
        options = {"eps": (1e-7, 1e-3), **options}
    optimizer = kind(params, **options)
    for _ in steps(optimizer, params, range(30)):
        for i, p in enumerate(params):
            if p.grad is not None and p.size:
                counts[i] += 1
                g = p.grad.astype(np.float64)
                want[i] = RULES[kind](want[i], g, states[i], counts[i], **options)
    for index, entry in optimizer.state_dict()["state"].items():
        for name, array in states[index].items():
            np.testing.assert_allclose(entry[name], array, rtol=tolerance, atol=tolerance)
    for p, array in zip(params, want, strict=True):
        assert p.dtype == dtype
        np.testing.assert_allclose(p.data, array, rtol=tolerance, atol=tolerance)


def test_names_and_shapes_of_states():
    params = parameters(Adafactor)
    optimizer = Adafactor(params)
    list(steps(optimizer, params, [1]))
    shapes = {i: {name: a.shape for name, a in e.items()} for i, e in optimizer.state_dict()["state"].items()}
    assert shapes[0] == {"step": (), "row_var": (6, 1), "col_var": (1, 4)}
    assert shapes[1] == {"step": (), "variance": (5,)} and shapes[2] == {"step": (), "variance": ()}
    assert shapes[5] == {"step": (), "row_var": (2, 2, 3, 1), "col_var": (2, 2, 1, 2)}
    params = parameters(Muon)
    optimizer = Muon(params)
    list(steps(optimizer, params, [1]))
    assert optimizer.state[params[1]]["momentum_buffer"].shape == (4, 6)
    assert list(optimizer.state[params[1]]) == ["momentum_buffer"]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))
def test_a_step_of_muon_is_nearly_orthogonal(m, n, seed):
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.standard_normal((m, min(m, n))))
    right, _ = np.linalg.qr(rng.standard_normal((n, min(m, n))))
    p = nn.Parameter(np.zeros((m, n)))
    p.grad = left * rng.uniform(0.05, 1, min(m, n)) @ right.T  # no singular value near 0
    g = p.grad.copy()
    Muon([p], lr=1.0, momentum=0.0).step()
    np.testing.assert_array_equal(p.grad, g)
    sizes = np.linalg.svd(p.data / math.sqrt(max(1, m / n)), compute_uv=False)
    assert (sizes > 0.5).all() and (sizes < 1.3).all()
    np.testing.assert_allclose(left.T @ p.data @ right, -np.diag(sizes) * math.sqrt(max(1, m / n)), atol=2)


@pytest.mark.parametrize("kind", [Adafactor, Muon])
def test_groups_and_rates_that_change(kind):
    one, two = parameters(kind)[:1], parameters(kind)[:1]
    both = [copy.deepcopy(one[0]), copy.deepcopy(two[0])]
    groups = [{"params": both[:1]}, {"params": both[1:], "lr": 0.5, "weight_decay": 0.3}]
    together, alone = kind(groups, lr=0.02), [kind(one, lr=0.02), kind(two, lr=0.5, weight_decay=0.3)]
    rng = np.random.default_rng(0)
    for step in range(6):
        for p, q in zip(both, one + two, strict=True):
            p.grad = rng.standard_normal(p.shape)
            q.grad = p.grad.copy()
        for optimizer in (together, *alone):
            for group in optimizer.param_groups:
                group["lr"] *= 0.5 if step == 3 else 1
            optimizer.step()
    for p, q in zip(both, one + two, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize("kind", [Adafactor, Muon])
def test_a_run_resumed_from_a_file_or_a_copy_goes_on(kind, tmp_path):
    params = parameters(kind)
    optimizer = kind(params, lr=0.1)
    list(steps(optimizer, params, range(5)))
    model = nn.ParameterList(params)
    nn.save(tmp_path / "run", model=model, optimizer=optimizer)
    twin, twin_optimizer = copy.deepcopy((model, optimizer))
    list(steps(optimizer, params, range(5, 10)))
    list(steps(twin_optimizer, list(twin), range(5, 10)))
    others = nn.ParameterList(parameters(kind))
    resumed = kind(others.parameters(), lr=7.0)
    nn.load(tmp_path / "run", model=others, optimizer=resumed)
    list(steps(resumed, list(others), range(5, 10)))
    for p, q, r in zip(params, twin, others, strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        np.testing.assert_array_equal(p.data, r.data)


@pytest.mark.parametrize("workers_kind", KINDS)
@pytest.mark.parametrize("kind", [Adafactor, Muon])
def test_replicas_train_as_one_process(kind, workers_kind):
    def made():
        model = net()[0]
        if kind is Muon:
            for p in model.parameters():
                p.requires_grad = p.ndim == 2
        return model, kind([p for p in model.parameters() if p.requires_grad], lr=0.05)

    x, y = regression(7)
    model, optimizer = made()
    for _ in range(4):
        optimizer.zero_grad()
        squared(model, x, y).backward()
        optimizer.step()
    twin, other = made()
    with parallel.replicate(twin, other, squared, workers=2, kind=workers_kind) as replicas:
        for _ in range(4):
            replicas.step(x, y)
    found = weights_of(twin)
    for name, array in weights_of(model).items():
        np.testing.assert_allclose(found[name], array, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 3e4])
@pytest.mark.parametrize("kind", [Adafactor, Muon])
def test_float16_is_computed_in_float32(kind, scale):
    wide = nn.Parameter(
        np.random.default_rng(0).standard_normal((5, 4)).astype(np.float16).astype(np.float32)
    )
    half = nn.Parameter(wide.data.astype(np.float16))
    options = {"eps": (1e-3, 1e-3)} if kind is Adafactor else {}
    a, b = kind([half], lr=0.1, **options), kind([wide], lr=0.1, **options)
    for step in range(5):
        half.grad = (np.random.default_rng(step).uniform(-1, 1, (5, 4)) * scale).astype(np.float16)
        wide.grad = half.grad.astype(np.float32)
        a.step()
        b.step()
        assert np.isfinite(half.data).all()
        assert all(np.isfinite(array).all() for array in a.state[half].values())
    assert half.dtype == np.float16
    if kind is Muon or scale == 1.0:  # elsewhere the moments are beyond float16
        np.testing.assert_allclose(half.data, wide.data, atol=0.02)


def test_muon_takes_matrices_alone():
    p, bias = nn.Parameter(np.ones((2, 3))), nn.Parameter(np.ones(3))
    with pytest.raises(ValueError, match=r"^Muon: trains matrices, got a parameter of shape \(3,\); .*AdamW"):
        Muon([p, bias])
    optimizer = Muon([p])
    with pytest.raises(ValueError, match="trains matrices"):
        optimizer.add_param_group({"params": [bias]})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        (Adafactor, {"eps": (-1e-30, 1e-3)}, ValueError, r"eps must be 0 or more, got \(-1e-30, 0.001\)"),
        (
            Adafactor,
            {"eps": 1e-3},
            TypeError,
            "eps must be two numbers, the first of them or None, got 0.001",
        ),
        (Adafactor, {"eps": (1e-3, None)}, TypeError, "eps must be two numbers"),
        (Adafactor, {"d": 0.5}, ValueError, "d must be 1 or more, got 0.5"),
        (Adafactor, {"beta2_decay": 0.8}, ValueError, "beta2_decay must be 0 or less, got 0.8"),
        (Adafactor, {"lr": -1}, ValueError, "lr must be 0 or more, got -1"),
        (
            Muon,
            {"adjust_lr_fn": "adam"},
            ValueError,
            'is None, "original" or "match_rms_adamw", got \'adam\'',
        ),
        (Muon, {"ns_steps": 100}, ValueError, "ns_steps must be less than 100, got 100"),
        (Muon, {"ns_steps": 2.5}, TypeError, "ns_steps must be a whole number, got 2.5"),
        (Muon, {"ns_coefficients": (1, 2)}, ValueError, r"ns_coefficients must be 3 numbers, got \(1, 2\)"),
        (Muon, {"momentum": -0.1}, ValueError, "momentum must be 0 or more"),
    ],
)
def test_options_out_of_range(kind, options, error, message):
    with pytest.raises(error, match=f"^{kind.__name__}: .*{message}"):
        kind(parameters(kind), **options)


@pytest.mark.parametrize("kind", [Adafactor, Muon])
def test_sparse_gradients_are_refused(kind):
    table = nn.Embedding(5, 3, sparse=True)
    optimizer = kind(table.parameters())
    table(np.array([1, 2])).sum().backward()
    before = table.weight.data.copy()
    with pytest.raises(TypeError, match="takes no sparse gradients"):
        optimizer.step()
    np.testing.assert_array_equal(table.weight.data, before)
