"""Pooling and its way back: values, indices and gradients as in torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

TF = torch.nn.functional
SIZES = {1: (11,), 2: (7, 8), 3: (5, 4, 6)}
WAYS = {
    "normal": lambda x: x,
    "ties": np.round,
    "nan": lambda x: np.where(x < -0.8, np.nan, x),
}


def batch(n, batched=True, way="normal"):
    return WAYS[way](RNG.normal(size=(2, 3, *SIZES[n]) if batched else (3, *SIZES[n])))


def in_torch(name):
    return getattr(TF, name)


def integers(x):
    return np.clip(np.nan_to_num(x * 3), -9, 9).astype(np.int32)


def same(name, x, options):
    """The same numbers from both; of inf and of integers, which have no sum or no gradient."""
    ours, theirs = getattr(F, name)(x, **options), in_torch(name)(torch.tensor(x), **options)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        assert a.dtype == b.numpy().dtype


WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", [*WINDOWS, {"kernel_size": 2, "dilation": 2, "padding": 1, "stride": 2}])
def test_max_pool(n, way, options):
    name, x = f"max_pool{n}d", batch(n, way=way)
    compare(getattr(F, name), in_torch(name), [x], {**options, "return_indices": True})
    compare(getattr(F, f"{name}_with_indices"), in_torch(f"{name}_with_indices"), [x], options)
    compare_layers(pair(f"MaxPool{n}d", **options), [x[0]])
    x = np.where(x < 0.5, -np.inf, x)
    for part in (x, integers(x)):
        same(name, part, {**options, "return_indices": True})


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("way", WAYS)
def test_max_pool_of_large_windows(n, way):
    x = batch(n, way=way)
    for kernel in ({1: 5, 2: (7, 8), 3: (4, 4, 3)}[n], {1: 11, 2: (6, 7), 3: (5, 4, 5)}[n]):
        options = {"kernel_size": kernel, "return_indices": True}
        compare(getattr(F, f"max_pool{n}d"), in_torch(f"max_pool{n}d"), [x], options)
        same(f"max_pool{n}d", integers(x), options)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("options", WINDOWS)
@pytest.mark.parametrize("count_include_pad", [True, False])
def test_avg_pool(n, options, count_include_pad):
    options = {**options, "count_include_pad": count_include_pad}
    compare(getattr(F, f"avg_pool{n}d"), in_torch(f"avg_pool{n}d"), [batch(n)], options)
    if n > 1:
        options["divisor_override"] = 5
    compare_layers(pair(f"AvgPool{n}d", **options), [batch(n, False)])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("norm_type", [1, 2, 3.5, np.inf, -np.inf])
@pytest.mark.parametrize("options", WINDOWS[::2])
def test_lp_pool(n, norm_type, options):
    options = {key: value for key, value in options.items() if key != "padding"}
    x = abs(batch(n)) + 0.1
    compare(getattr(F, f"lp_pool{n}d"), in_torch(f"lp_pool{n}d"), [x], {"norm_type": norm_type, **options})
    compare_layers(pair(f"LPPool{n}d", norm_type, **options), [x[0]])


OUTPUTS = {1: [1, 4, (11,), 13], 2: [1, 3, (7, 8), (7, 4), (None, 5), 9], 3: [1, 2, (5, 2, 3), (4, None, 7)]}


@pytest.mark.parametrize("n, size", [(n, size) for n, sizes in OUTPUTS.items() for size in sizes])
def test_adaptive_pools(n, size):
    options = {"output_size": size}
    compare(getattr(F, f"adaptive_avg_pool{n}d"), in_torch(f"adaptive_avg_pool{n}d"), [batch(n)], options)
    compare_layers(pair(f"AdaptiveAvgPool{n}d", size), [batch(n, False)])
    for way in WAYS:
        x, name = batch(n, way=way), f"adaptive_max_pool{n}d"
        compare(getattr(F, name), in_torch(name), [x], {**options, "return_indices": True})
        compare(getattr(F, f"{name}_with_indices"), in_torch(f"{name}_with_indices"), [x], options)
        compare_layers(pair(f"AdaptiveMaxPool{n}d", size), [x[0]])


@pytest.mark.parametrize("n, out", [(2, (3, 4)), (2, (1, 6)), (3, (2, 2, 3)), (3, (1, 2, 4))])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fractional_max_pool(n, out, way, dtype):
    x, samples = batch(n, way=way).astype(dtype), RNG.random((2, 3, n)).astype(dtype)
    options = {"kernel_size": 2, "output_size": out, "return_indices": True, "_random_samples": samples}
    for suffix in ("", "_with_indices"):
        name = f"fractional_max_pool{n}d{suffix}"
        compare(getattr(F, name), in_torch(name), [x], options)
    ratio = {"kernel_size": 2, "output_ratio": 0.5, "return_indices": True}
    ours = getattr(nn, f"FractionalMaxPool{n}d")(**ratio, _random_samples=samples)
    theirs = getattr(torch.nn, f"FractionalMaxPool{n}d")(**ratio, _random_samples=torch.tensor(samples))
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    compare(ours, theirs, [x[0]])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}])
def test_max_unpool(n, options):
    x = batch(n)
    y, indices = (t.numpy() for t in getattr(F, f"max_pool{n}d")(x, **options, return_indices=True))
    if options["kernel_size"] == 3:  # where windows overlap, one place may be named twice
        y, indices = y[..., ::2], indices[..., ::2]
        x = x[..., : {1: 5, 2: 3, 3: 3}[n]]
        indices = np.stack([RNG.permutation(x[0, 0].size)[: y[0, 0].size] for _ in range(6)]).reshape(y.shape)
    for size in (x.shape, x.shape[2:]):
        compare(
            lambda a, size=size: getattr(F, f"max_unpool{n}d")(a, indices, **options, output_size=size),
            lambda a, size=size: in_torch(f"max_unpool{n}d")(
                a, torch.tensor(indices), **options, output_size=size
            ),
            [y],
        )
    ours, theirs = pair(f"MaxUnpool{n}d", **options)
    compare(lambda a: ours(a, indices, x.shape), lambda a: theirs(a, torch.tensor(indices), x.shape), [y])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_attributes_and_text_of_layers(n):
    made = [
        ("MaxPool", (3, 2, 1)),
        ("MaxPool", (3,)),
        ("AvgPool", (3,)),
        ("LPPool", (2, 3)),
        ("MaxUnpool", (3, 2)),
    ]
    made += [("AdaptiveAvgPool", (3,)), ("AdaptiveMaxPool", (3,))]
    made += [("FractionalMaxPool", (3, 2))] if n > 1 else []
    for name, args in made:
        ours, theirs = pair(f"{name}{n}d", *args)
        assert repr(ours) == repr(theirs)
        shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "output_size", "norm_type")
        for word in (*shown, "return_indices", "count_include_pad", "divisor_override", "output_ratio"):
            assert getattr(ours, word, 0) == getattr(theirs, word, 0)


def test_a_network_for_pictures():
    """Pools as they stand in networks, one after the other, from float32 in another order in memory."""
    x = np.moveaxis(RNG.normal(size=(2, 13, 13, 4)).astype(np.float32), -1, 1)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    results = []
    for f, t in ((F, a), (TF, b)):
        t = f.max_pool2d(t, 3, 2, 1)
        t = f.avg_pool2d(f.relu(t), 3, 1, 1)
        y = f.adaptive_avg_pool2d(f.pad(t, (1, 1, 1, 1), "reflect"), 1)
        (y * y).sum().backward()
        results.append(y)
    np.testing.assert_allclose(results[0].numpy(), results[1].detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-4, atol=1e-7)
