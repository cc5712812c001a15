"""ag.special beside torch.special: values, gradients, second derivatives, edges."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special

T = torch.special
RNG = np.random.default_rng(0)


def normal():
    return RNG.normal(size=(3, 4)) * 2


def positive():
    return RNG.uniform(0.2, 4, (3, 4))


def inner():
    return RNG.uniform(0.05, 0.95, (3, 4))


def signed():
    return RNG.uniform(0.2, 0.8, (3, 4)) + RNG.integers(-3, 3, (3, 4))


INF, NAN = np.inf, np.nan
PAIRS = {
    **{name: (getattr(special, name), getattr(T, name), normal()) for name in
       ("erf", "erfc", "erfcx", "expit", "ndtr", "log_ndtr", "i0", "i0e", "i1", "i1e")},
    **{name: (getattr(special, name), getattr(T, name), inner()) for name in
       ("erfinv", "logit", "ndtri", "entr")},
    "log_expit": (special.log_expit, torch.nn.functional.logsigmoid, normal()),
    "gammaln": (special.gammaln, T.gammaln, signed()),
    "digamma": (special.digamma, T.digamma, signed()),
    **{f"polygamma {n}": (lambda x, n=n: special.polygamma(n, x), lambda x, n=n: T.polygamma(n, x),
                          positive()) for n in (0, 1, 2, 4)},
    "multigammaln": (lambda x: special.multigammaln(x, 3), lambda x: T.multigammaln(x, 3), positive() + 1),
    "zeta": (lambda q: special.zeta(2.5, q), lambda q: T.zeta(2.5, q), positive()),
    "xlogy": (special.xlogy, T.xlogy, normal(), positive()[0]),
    "xlogy of 0": (special.xlogy, T.xlogy, np.zeros(3), np.array([0.5, 1, 2])),
    "xlog1py": (special.xlog1py, T.xlog1py, normal(), positive()[:, :1]),
    "huber": (lambda r: special.huber(1.5, r), lambda r: torch.nn.functional.huber_loss(
        r, torch.zeros_like(r), reduction="none", delta=1.5), normal()),
    "gammainc": (lambda x: special.gammainc(2.5, x), lambda x: T.gammainc(torch.full_like(x, 2.5), x),
                 positive()),
    "gammaincc": (lambda x: special.gammaincc(40, x), lambda x: T.gammaincc(torch.full_like(x, 40), x),
                  10 * positive()),
    "logsumexp": (special.logsumexp, lambda x: torch.logsumexp(x, (0, 1)), normal()),
    "logsumexp of ties": (lambda x: special.logsumexp(x, 0), lambda x: torch.logsumexp(x, 0),
                          np.array([1.0, 2, 2])),
    "logsumexp of -inf": (lambda x: special.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1),
                          np.array([[-INF, 1], [2, -INF]])),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_values_and_two_derivatives(name):
    ours, theirs, *inputs = PAIRS[name]
    mine = [Tensor(x, requires_grad=True) for x in inputs]
    other = [torch.tensor(x, requires_grad=True) for x in inputs]
    with ag.higher_order():
        y = ours(*mine)
    z = theirs(*other)
    rtol = 1e-8 if name in TRIGAMMA else 1e-10
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=rtol, atol=1e-13)
    g = RNG.normal(size=y.shape)
    first = ag.grad(y, mine, g, create_graph=True)
    peers = torch.autograd.grad(z, other, torch.tensor(g), create_graph=True)
    for a, b in zip(first, peers, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=rtol, atol=1e-12)
    total, peer = (sum((d * d).sum() for d in ds) for ds in (first, peers))
    second = ag.grad(total, mine)
    for a, b in zip(second, torch.autograd.grad(peer, other), strict=True):
        np.testing.assert_allclose(a.data, b.numpy(), rtol=10 * rtol, atol=1e-10)


@pytest.mark.parametrize("name", ["j0", "j1", "y0", "y1", "k0", "k1", "k0e", "k1e"])
def test_values_of_bessel_functions(name):
    """PyTorch has no gradients of them, and few digits near zeros."""
    kind = {"j": "", "y": "", "k": "modified_"}[name[0]]
    theirs = getattr(T, f"{'scaled_' if name[-1] == 'e' else ''}{kind}bessel_{name[:2]}")
    x = 5 * positive()
    np.testing.assert_allclose(getattr(special, name)(x).data, theirs(torch.tensor(x)).numpy(), rtol=1e-5)


TRIGAMMA = ("digamma", "polygamma 0", "polygamma 1", "gammaincc")  # torch's is off by 5e-10
EDGES = np.array([0, -0.0, 1, -1, 2, 0.5, 40, -40, INF, -INF, NAN])
# Where torch's gradient is nan or noise and the limit is known: erfcx at inf, digamma and log_ndtr below.
OTHERS = {"erfcx": EDGES != INF, "log_ndtr": EDGES != -INF, "digamma": EDGES >= 0, "gammaln": EDGES != -INF}


@pytest.mark.parametrize(
    "name",
    ["erf", "erfc", "erfcx", "erfinv", "expit", "logit", "entr", "gammaln", "digamma"]
    + ["i0", "i0e", "ndtr", "log_ndtr", "ndtri"],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_edges(name):
    points = EDGES[OTHERS.get(name, slice(None))]
    x, z = Tensor(points, requires_grad=True), torch.tensor(points, requires_grad=True)
    y, other = getattr(special, name)(x), getattr(T, name)(z)
    y.backward(np.ones(y.shape))
    other.backward(torch.ones_like(other))
    np.testing.assert_allclose(y.data, other.detach().numpy(), rtol=1e-12, atol=1e-300)
    rtol = 1e-9 if name in TRIGAMMA else 1e-12
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=rtol, atol=1e-15)


def test_xlogy_of_zeros():
    """As PyTorch's in x; in y, where that gives 0 / 0, it is 0."""
    x, y = Tensor([0.0, 0, 0], requires_grad=True), Tensor([0.0, -1, NAN], requires_grad=True)
    a, b = (torch.tensor(t.data, requires_grad=True) for t in (x, y))
    special.xlogy(x, y).backward(np.ones(3))
    T.xlogy(a, b).backward(torch.ones(3, dtype=a.dtype))
    np.testing.assert_array_equal(x.grad, a.grad.numpy())
    np.testing.assert_array_equal(y.grad, [0, 0, NAN])
