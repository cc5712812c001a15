"""Weights held to a norm or to orthogonal matrices, in the newer form and in the older one."""

import warnings

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import recordings
from tapegrad import nn
from tapegrad.nn import parallel
from tapegrad.nn.utils import parametrizations as P
from tapegrad.nn.utils import parametrize, prune

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4))
W = np.array([[3.0, 0, 4, 0], [0, 0, 0, 2], [1, 2, 2, 4]])


def linear(weight=W):
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=np.float64)
    layer.weight.data[...] = weight
    return layer


def old(function, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return function(*args, **options)


# ---------------------------------------------------------------------------------- weight_norm


@pytest.mark.parametrize(
    ("dim", "length"),
    [
        (0, [[5.0], [2.0], [5.0]]),
        (1, np.sqrt([[10.0, 4, 20, 20]])),
        (None, np.sqrt(54.0)),
        (-1, np.sqrt(54.0)),
    ],
)
def test_weight_norm_trains_lengths_and_directions(dim, length):
    new, other = P.weight_norm(linear(), dim=dim), old(nn.utils.weight_norm, linear(), dim=dim)
    assert list(other.state_dict()) == ["bias", "weight_g", "weight_v"]
    for layer, g in ((new, new.parametrizations.weight.original0), (other, other.weight_g)):
        np.testing.assert_allclose(g.data, length)
        np.testing.assert_allclose(layer.weight.data, W)
        g.data[...] *= 2
        np.testing.assert_allclose(layer.weight.data, 2 * W)
    new.load_state_dict(other.state_dict())  # the older names too
    for remove, layer in ((parametrize.remove_parametrizations, new), (nn.utils.remove_weight_norm, other)):
        assert remove(layer, "weight") is layer and isinstance(layer.weight, nn.Parameter)
        np.testing.assert_allclose(layer.weight.data, 2 * W)


def test_weight_norm_tells_that_the_old_one_is_old():
    with pytest.warns(FutureWarning, match="parametrizations.weight_norm does the same"):
        nn.utils.weight_norm(linear())


def test_a_computed_weight_is_not_assigned():
    layer = old(nn.utils.weight_norm, linear())
    for value in (W, nn.Parameter(W), None):
        with pytest.raises(TypeError, match="Linear.weight is computed .*: remove_weight_norm first"):
            layer.weight = value
    for again in (nn.utils.weight_norm, nn.utils.spectral_norm):
        with pytest.raises(ValueError, match="Linear.weight is computed from others already"):
            old(again, layer)
    with pytest.raises(ValueError, match="computed from others; remove_weight_norm first"):
        prune.l1_unstructured(layer, "weight", 1)


# ---------------------------------------------------------------------------------- spectral_norm


def spectral(form, layer, **options):
    function = P.spectral_norm if form == "new" else nn.utils.spectral_norm
    layer = function(layer, **options)
    u = layer.parametrizations.weight[0]._u if form == "new" else layer.weight_u
    return layer, u


@pytest.mark.parametrize("form", ["new", "old"])
def test_spectral_norm_divides_by_the_largest_singular_value(form):
    layer, u = spectral(form, linear(), n_power_iterations=50)
    layer(X)
    left, sizes, _ = np.linalg.svd(W)
    np.testing.assert_allclose(layer.weight.data, W / sizes[0], rtol=1e-9)
    np.testing.assert_allclose(np.abs(u @ left[:, 0]), 1, rtol=1e-9)


@pytest.mark.parametrize("form", ["new", "old"])
def test_a_call_in_training_is_one_power_iteration(form):
    layer, u = spectral(form, linear())
    other, v = spectral(form, linear())
    other.load_state_dict(layer.state_dict())
    start = u.copy()
    layer(X)
    matrix = W @ W.T
    wanted = matrix @ start / np.linalg.norm(matrix @ start)
    if form == "old":
        np.testing.assert_allclose(u, wanted)
    assert not np.array_equal(u, start)
    after = u.copy()
    layer.eval()
    layer(X)
    np.testing.assert_array_equal(u, after)
    other(X)
    np.testing.assert_array_equal(v, after)  # however often the layer reads its weight


@pytest.mark.parametrize("form", ["new", "old"])
def test_a_graph_keeps_the_vectors_of_its_own_call(form):
    layer, other = (spectral(form, linear())[0] for _ in range(2))
    other.load_state_dict(layer.state_dict())
    first = layer(X).sum()
    layer(X)  # another iteration
    other(X).sum().backward()
    first.backward()
    for p, q in zip(layer.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.grad, q.grad)


def test_spectral_norm_of_vectors_and_other_axes():
    layer = nn.Module()
    layer.gain = nn.Parameter(np.array([3.0, 4.0]))
    P.spectral_norm(layer, "gain")
    np.testing.assert_allclose(layer.gain.data, [0.6, 0.8])
    assert list(layer.buffers()) == []
    other, _ = spectral("new", linear(), dim=1)
    assert other.parametrizations.weight[0]._u.shape == (4,)

    class ConvTranspose2d(nn.Module):  # its outputs are on the second axis
        def __init__(self):
            self.weight = nn.Parameter(RNG.normal(size=(2, 3, 2, 2)))

    for form, name in (("new", "parametrizations.weight.0._u"), ("old", "weight_u")):
        assert spectral(form, ConvTranspose2d())[0].state_dict()[name].shape == (3,)


@pytest.mark.parametrize("form", ["new", "old"])
def test_spectral_norm_refuses(form):
    for options, error in [
        ({"n_power_iterations": 0}, ValueError),
        ({"dim": 2}, IndexError),
        ({"name": "gain"}, ValueError),
    ]:
        layer = linear()
        with pytest.raises(error, match="spectral_norm: "):
            spectral(form, layer, **options)
        assert list(layer.state_dict()) == ["weight", "bias"]
    with pytest.raises(ValueError, match="Linear has no spectral_norm of 'weight'"):
        nn.utils.remove_spectral_norm(linear())
    with pytest.raises(ValueError, match="Linear has no weight_norm of 'weight'"):
        nn.utils.remove_weight_norm(spectral("old", linear())[0])


def test_the_older_spectral_norm_is_removed():
    layer, _ = spectral("old", linear())
    weight = layer.weight.data.copy()
    nn.utils.remove_spectral_norm(layer)
    assert list(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_array_equal(layer.weight.data, weight)


# ---------------------------------------------------------------------------------- orthogonal


@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivialized", [True, False])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 5, 3)])
def test_orthogonal_weights_stay_orthogonal(kind, trivialized, shape):
    layer = nn.Module()
    layer.weight = nn.Parameter(RNG.normal(size=shape))
    P.orthogonal(layer, orthogonal_map=kind, use_trivialization=trivialized)
    optimizer = nn.optim.SGD(layer.parameters(), lr=0.1, weight_decay=0.1)
    goal = RNG.normal(size=shape)
    for _ in range(5):
        optimizer.zero_grad()
        ((layer.weight - goal) ** 2).sum().backward()
        optimizer.step()
    q = layer.weight.data if shape[-2] >= shape[-1] else layer.weight.data.mT
    np.testing.assert_allclose(q.mT @ q, np.zeros_like(q.mT @ q) + np.eye(q.shape[-1]), atol=1e-12)
    assert np.abs(layer.parametrizations.weight.original.grad).max() > 0.01


def test_orthogonal_begins_as_the_q_of_the_weight():
    a = RNG.normal(size=(4, 4))
    q, r = np.linalg.qr(a)
    np.testing.assert_allclose(P.orthogonal(linear(a)).weight.data, q * np.sign(np.diagonal(r)), atol=1e-14)
    np.testing.assert_allclose(P.orthogonal(linear(q)).weight.data, q, atol=1e-14)


@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
def test_an_orthogonal_matrix_is_assigned(kind):
    layer = P.orthogonal(linear(RNG.normal(size=(4, 4))), orthogonal_map=kind)
    q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    layer.weight = q
    np.testing.assert_allclose(layer.weight.data, q, atol=1e-14)
    with pytest.raises(ValueError, match=r"a matrix of shape \(4, 4\) is wanted, not \(3, 3\)"):
        layer.weight = np.eye(3)
    plain = P.orthogonal(linear(q), orthogonal_map=kind, use_trivialization=False)
    if kind == "householder":
        plain.weight = q
        np.testing.assert_allclose(plain.weight.data, q, atol=1e-14)
    else:
        with pytest.raises(NotImplementedError, match="nothing is assigned to"):
            plain.weight = q


def test_orthogonal_refuses():
    layer = linear()
    for options, words in [
        ({"name": "bias"}, r"a matrix or a stack of them is wanted, not a tensor of \(3,\)"),
        ({"name": "gain"}, "has no parameter or buffer 'gain'"),
        ({"orthogonal_map": "exp"}, "orthogonal_map is one of"),
    ]:
        with pytest.raises(ValueError, match=words):
            P.orthogonal(layer, **options)


@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
def test_orthogonal_has_second_derivatives(kind):
    layer = P.orthogonal(linear(RNG.normal(size=(3, 3))), orthogonal_map=kind)
    original, goal = layer.parametrizations.weight.original, RNG.normal(size=(3, 3))
    step = RNG.normal(size=(3, 3))

    def slope():
        with ag.higher_order():
            loss = ((layer.weight - goal) ** 3).sum()
        return ag.grad(loss, original, create_graph=True)[0]

    (second,) = ag.grad((slope() * step).sum(), original)
    start, sides = original.data.copy(), []
    for sign in (1e-5, -1e-5):
        original.data[...] = start + sign * step
        sides.append(slope().numpy())
    np.testing.assert_allclose(second.numpy(), (sides[0] - sides[1]) / 2e-5, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------------- replays and replicas

FORMS = {
    "weight_norm": P.weight_norm,
    "matrix_exp": lambda layer: P.orthogonal(layer, orthogonal_map="matrix_exp"),
    "cayley": lambda layer: P.orthogonal(layer, orthogonal_map="cayley"),
    "householder": lambda layer: P.orthogonal(layer, orthogonal_map="householder"),
    "spectral_norm": P.spectral_norm,
    "old weight_norm": lambda layer: old(nn.utils.weight_norm, layer),
    "old spectral_norm": nn.utils.spectral_norm,
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
}


def squares(model, x, y):
    return ((model(x) - y) ** 2).mean()


def trained(form):
    """Two copies of a model, each with its optimizer."""
    nn.manual_seed(3)
    pairs = []
    net = nn.Sequential(FORMS[form](linear()), nn.Tanh(), nn.Linear(3, 2, dtype=np.float64))
    for _ in range(2):
        twin = nn.Sequential(FORMS[form](linear()), nn.Tanh(), nn.Linear(3, 2, dtype=np.float64))
        twin.load_state_dict(net.state_dict())
        pairs.append((twin, nn.optim.SGD(twin.parameters(), lr=0.1)))
    return pairs


def same(a, b):
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("form", FORMS)
def test_a_replay_trains_as_the_loop_does(form):
    """A power iteration changes its vectors in each call, also in those that are no replays."""
    (model, optimizer), (plain, other) = trained(form)
    loss_of = nn.replay(model, squares)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(10):
            x, y = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 2))
            for own, loss in ((optimizer, loss_of(x, y)), (other, squares(plain, x, y))):
                own.zero_grad()
                loss.backward()
                own.step()
            same(model, plain)
    assert len(recordings(loss_of)) == 1 and not told


@pytest.mark.parametrize("form", FORMS)
def test_replicas_train_as_the_loop_does(form):
    (model, optimizer), (plain, other) = trained(form)
    with parallel.replicate(model, optimizer, squares, workers=2, kind="threads") as replicas:
        for _ in range(3):
            x, y = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 2))
            replicas.step(x, y)
            other.zero_grad()
            squares(plain, x, y).backward()
            other.step()
    same(model, plain)
