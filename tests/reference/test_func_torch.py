"""grad, vjp, jvp, jacobian, hessian and functional_call give the numbers of torch.func."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from against_torch import pair
from tapegrad import nn
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
V = RNG.normal(size=(4, 3))
W = RNG.normal(size=(3, 3))
TF = torch.func
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # by torch itself

SCALARS = {  # here and in torch
    "cubes": (lambda x: (x**3).sum(), lambda x: (x**3).sum()),
    "softmax": (
        lambda x: (F.log_softmax(x @ W, -1) * X).sum(),
        lambda x: (torch.log_softmax(x @ torch.tensor(W), -1) * torch.tensor(X)).sum(),
    ),
    "determinant": (
        lambda x: np.linalg.slogdet(x.T @ x + np.eye(3))[1],
        lambda x: torch.linalg.slogdet(x.T @ x + torch.eye(3, dtype=x.dtype))[1],
    ),
    "layer norm": (
        lambda x: (F.layer_norm(x, (3,)) ** 3 * X).sum(),
        lambda x: (torch.nn.functional.layer_norm(x, (3,)) ** 3 * torch.tensor(X)).sum(),
    ),
}
MATRICES = {
    "tanh": (lambda x: np.tanh(x @ W)[:2], lambda x: torch.tanh(x @ torch.tensor(W))[:2]),
    "attention": (
        lambda x: F.scaled_dot_product_attention(x, x, x),
        lambda x: torch.nn.functional.scaled_dot_product_attention(x, x, x),
    ),
    "cumulative": (lambda x: np.cumprod(x, 0), lambda x: torch.cumprod(x, 0)),
}


def close(found, expected, tolerance=1e-10):
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", SCALARS)
def test_scalars(name):
    f, g = SCALARS[name]
    x, v = torch.tensor(X), torch.tensor(V)
    close(ag.grad(f)(X), TF.grad(g)(x))
    close(ag.hessian(f)(X), TF.hessian(g)(x))
    close(ag.hvp(f, (X,), (V,)), TF.jvp(TF.grad(g), (x,), (v,))[1])
    close(ag.jvp(ag.grad(f), (X,), (V,))[1], TF.jvp(TF.grad(g), (x,), (v,))[1])
    third = ag.grad(lambda x: (ag.hvp(f, (x,), (V,)) * V).sum())(X)
    if name == "layer norm":  # torch's own third derivative is off; a row's gradient adds up to 0
        difference = (ag.hvp(f, (X + 1e-5 * V,), (V,)) - ag.hvp(f, (X - 1e-5 * V,), (V,))) / 2e-5
        np.testing.assert_allclose((third * V).sum(), (difference * V).sum(), rtol=1e-6)
        np.testing.assert_allclose(third.sum(1), np.zeros(4), atol=1e-10)
    else:
        close(third, TF.grad(lambda x: (TF.vjp(TF.grad(g), x)[1](v)[0] * v).sum())(x))


@pytest.mark.parametrize("name", MATRICES)
def test_matrices(name):
    f, g = MATRICES[name]
    x, v = torch.tensor(X), torch.tensor(V)
    for mode in ("auto", "reverse", "forward"):
        close(ag.jacobian(f, mode=mode)(X), TF.jacrev(g)(x))
    value, tangent = ag.jvp(f, (X,), (V,))
    expected, slope = TF.jvp(g, (x,), (v,)) if name != "attention" else (g(x), None)
    close(value, expected)
    if slope is not None:
        close(tangent, slope)
        close(ag.hessian(f)(X), TF.hessian(g)(x))
    value, pull = ag.vjp(f, X)
    again, pulled = TF.vjp(g, x)
    close(pull(value)[0], pulled(again)[0])


def networks(*sizes):
    """The same network twice, in float64."""

    def made(library):
        layers = []
        for n, m in zip(sizes, sizes[1:], strict=False):
            layers += [library.Linear(n, m), library.Tanh()]
        return library.Sequential(*layers[:-1]).double()

    ours, theirs = made(nn), made(torch.nn)
    ours.load_state_dict({name: p.detach().numpy() for name, p in theirs.state_dict().items()})
    return ours, theirs


def test_the_hessian_of_a_network_with_a_thousand_parameters():
    ours, theirs = networks(10, 30, 20, 2)
    x, y = RNG.normal(size=(16, 10)), RNG.normal(size=(16, 2))
    p = {name: value.data.copy() for name, value in ours.named_parameters()}
    q = {name: value.detach() for name, value in theirs.named_parameters()}
    assert sum(value.size for value in p.values()) == 992
    h = ag.hessian(lambda p: F.mse_loss(nn.functional_call(ours, p, x), y))(p)
    tx, ty = torch.tensor(x), torch.tensor(y)
    expected = TF.hessian(lambda q: torch.nn.functional.mse_loss(TF.functional_call(theirs, q, tx), ty))(q)
    for a in p:
        for b in p:
            close(h[a][b], expected[a][b], 1e-9)


def test_per_sample_gradients():
    ours, theirs = networks(5, 8, 3)
    x, y = RNG.normal(size=(7, 5)), RNG.integers(0, 3, 7)
    p = {name: value.data.copy() for name, value in ours.named_parameters()}
    q = {name: value.detach() for name, value in theirs.named_parameters()}
    found = ag.jacobian(lambda p: F.cross_entropy(nn.functional_call(ours, p, x), y, reduction="none"))(p)

    def loss(q, x, y):
        out = TF.functional_call(theirs, q, (x[None],))
        return torch.nn.functional.cross_entropy(out, y[None])

    expected = TF.vmap(TF.grad(loss), (None, 0, 0))(q, torch.tensor(x), torch.tensor(y))
    for name in p:
        close(found[name], expected[name])


@pytest.mark.parametrize(
    "name, args, shape",
    [
        ("LSTM", (3, 4), (5, 2, 3)),
        ("GRU", (3, 4), (5, 2, 3)),
        ("BatchNorm1d", (3,), (6, 3)),
        ("LayerNorm", (3,), (6, 3)),
        ("Conv1d", (3, 2, 3), (2, 3, 8)),
        ("Bilinear", None, None),
    ],
)
def test_layers_as_functions_of_their_parameters(name, args, shape):
    if args is None:
        args, inputs = (3, 2, 4), (RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2)))
    else:
        inputs = (RNG.normal(size=shape),)
    ours, theirs = (getattr(library, name)(*args).double().eval() for library in (nn, torch.nn))
    p = {key: RNG.normal(size=value.shape) for key, value in ours.named_parameters()}
    q = {key: torch.tensor(value) for key, value in p.items()}

    def value(library, functional_call, module, params, inputs):
        out = functional_call(module, params, inputs)
        out = out[0] if isinstance(out, tuple | list) else out
        return (library.sin(out) ** 2).sum()

    tensors = tuple(map(torch.tensor, inputs))
    found = ag.grad(lambda p: value(np, nn.functional_call, ours, p, inputs))(p)
    expected = TF.grad(lambda q: value(torch, TF.functional_call, theirs, q, tensors))(q)
    for key in p:
        close(found[key], expected[key])


def test_functional_call_as_torch_has_it():
    import inspect

    assert list(inspect.signature(nn.functional_call).parameters) == list(
        inspect.signature(TF.functional_call).parameters
    )
    ours, theirs = pair("Linear", 3, 2)
    x, w, b = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=2)
    for given in ({"weight": w}, {"bias": b}, {"weight": w, "other": b}, [{"weight": w}, {"bias": b}]):
        listed = given if isinstance(given, list) else [given]
        tensors = [{name: torch.tensor(array) for name, array in some.items()} for some in listed]
        for one, other in ((x, torch.tensor(x)), ((x,), (torch.tensor(x),))):
            found = nn.functional_call(ours, given, one)
            close(found.data, TF.functional_call(theirs, tensors if len(listed) > 1 else tensors[0], other))


@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
@pytest.mark.parametrize("given", ["constant", "leaf", "computed", "grad"])
def test_a_table_held_to_a_norm_is_the_given_one(kind, given):
    """functional_call scales the caller's rows, not the module's, in whatever form they are given."""
    rows = np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    ids = np.array([[0, 1]])

    def run(module, call, table, index, grad):
        own = module.weight * 1
        if given == "grad":
            slope = grad(lambda w: call(module, {"weight": w}, (index,)).sum())(table)
            return table, slope, module.weight - own
        used = table * 1 if given == "computed" else table
        y = call(module, {"weight": used}, (index,))
        if given != "constant":
            y.sum().backward()
        return used, y, table.grad, module.weight - own

    here, there = getattr(nn, kind)(3, 2, max_norm=1.0), getattr(torch.nn, kind)(3, 2, max_norm=1.0)
    leaf = given in ("leaf", "computed")
    table, other = ag.Tensor(rows.copy(), requires_grad=leaf), torch.tensor(rows, requires_grad=leaf)
    found = run(here, nn.functional_call, table, ids, ag.grad)
    expected = run(there, TF.functional_call, other, torch.tensor(ids), TF.grad)
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            close(np.asarray(getattr(a, "data", a)), b)
    np.testing.assert_allclose(np.asarray(found[0].data), [[0.6, 0.8], [0.3, 0.4], [6, 8]], rtol=1e-6)
