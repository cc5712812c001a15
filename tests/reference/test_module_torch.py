"""Modules, containers and initial values beside torch's: keys, names, orders, hooks and what is filled."""

from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare
from tapegrad import nn
from tapegrad.autograd import Tensor, no_grad


def both(build):
    """What `build` makes of each library: of nn, and of how to make an array."""
    return build(nn, lambda *shape: np.ones(shape, np.float32)), build(torch.nn, torch.ones)


def told(module):
    """All that a module says about what is inside."""
    return {
        "state": [(k, tuple(v.shape)) for k, v in module.state_dict().items()],
        "parameters": [k for k, _ in module.named_parameters()],
        "all parameters": [k for k, _ in module.named_parameters(remove_duplicate=False)],
        "own parameters": [k for k, _ in module.named_parameters("a", recurse=False)],
        "buffers": [k for k, _ in module.named_buffers()],
        "children": [k for k, _ in module.named_children()],
        "modules": [k for k, _ in module.named_modules()],
        "all modules": [k for k, _ in module.named_modules(remove_duplicate=False)],
        "classes": [type(m).__name__ for m in module.modules()],
    }


def mixed(lib, ones):
    net = lib.Module()
    net.register_buffer("mean", ones(2))
    net.scale = lib.Parameter(ones(3))
    net.cache = lib.Buffer(ones(4), persistent=False)
    net.kept = lib.Buffer(ones(5))
    net.layer = lib.Linear(2, 3)
    net.again = net.layer
    net.register_parameter("none", None)
    net.shift = lib.Parameter(ones(1))
    net.mean = ones(2) * 2
    return net


def named(lib, ones):
    net = lib.Sequential(OrderedDict(first=lib.Linear(1, 2), act=lib.Tanh(), last=lib.Linear(2, 1)))
    net.append(lib.ReLU())
    return net


def sliced(lib, ones):
    return lib.Sequential(OrderedDict(first=lib.Linear(1, 2), act=lib.Tanh(), last=lib.Linear(2, 1)))[1:]


def deleted(lib, ones):
    net = lib.Sequential(lib.Linear(1, 1), lib.Tanh(), lib.Linear(1, 1), lib.ReLU())
    del net[1:3]
    return net + lib.Sequential(lib.Tanh()) * 2


def lists(lib, ones):
    held = lib.ModuleList([lib.Linear(1, 1), lib.Linear(1, 2)])
    held += [lib.Linear(2, 2)]
    held.insert(1, lib.Tanh())
    held.pop(0)
    held[-1] = lib.Linear(3, 3)
    return (held + [lib.ReLU()])[1:]


def dicts(lib, ones):
    held = lib.ModuleDict({"b": lib.Linear(1, 1), "a": lib.Tanh()})
    held.update([("c", lib.Linear(1, 2)), ("b", lib.ReLU())])
    held.pop("a")
    return held


def parameter_lists(lib, ones):
    held = lib.ParameterList([lib.Parameter(ones(1)), ones(2), 3])
    held.append(ones(3)).extend([lib.Parameter(ones(4))])
    held[1] = ones(5)
    return held


def parameter_dicts(lib, ones):
    held = lib.ParameterDict({"c": ones(1), "a": lib.Parameter(ones(2))})
    held.update(OrderedDict(z=ones(3), b=ones(4)))
    held["word"] = "x"
    held.setdefault("d", ones(5))
    held.pop("a")
    return held | lib.ParameterDict({"y": ones(1)})


BUILDS = [mixed, named, sliced, deleted, lists, dicts, parameter_lists, parameter_dicts]


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_what_is_inside(build):
    ours, theirs = both(build)
    wanted = told(theirs)
    for what, found in told(ours).items():
        assert found == wanted[what], what
    if hasattr(theirs, "__len__"):
        assert len(ours) == len(theirs)
    if hasattr(theirs, "keys"):
        assert list(ours.keys()) == list(theirs.keys())


def refusals(lib, ones):
    """Things that neither permits."""
    net, pair = lib.Linear(1, 1), lib.Sequential(lib.Tanh(), lib.Tanh())
    yield lambda: setattr(net, "weight", ones(1, 1))
    yield lambda: net.register_buffer("weight", ones(1))
    yield lambda: net.register_buffer("a.b", ones(1))
    yield lambda: net.register_parameter("forward", lib.Parameter(ones(1)))
    yield lambda: net.add_module("weight", lib.Tanh())
    yield lambda: net.train(1)
    yield lambda: net.get_submodule("nothing")
    yield lambda: net.load_state_dict({"weight": ones(1, 1)})
    yield lambda: pair[2]
    yield lambda: pair + [lib.Tanh()]
    yield lambda: pair * 0
    yield lambda: pair.insert(5, lib.Tanh())
    yield lambda: pair.append(3)
    yield lambda: lib.ModuleList([1])
    yield lambda: lib.ModuleList(3)
    yield lambda: lib.ModuleDict(3)
    yield lambda: lib.ModuleDict({"keys": lib.Tanh()})
    yield lambda: lib.ModuleDict({"a.b": lib.Tanh()})
    yield lambda: lib.ParameterList([ones(1)])[1]
    yield lambda: lib.ParameterList([ones(1)])(1)
    yield lambda: lib.ParameterDict({3: ones(1)})
    yield lambda: lib.ParameterDict({"a": ones(1)})["b"]
    yield lambda: lib.Flatten(2, 1)(ones(2, 3, 4))
    yield lambda: lib.Unflatten(1, (2, 2))(ones(2, 3))
    yield lambda: lib.Unflatten(1, "ab")


@pytest.mark.parametrize("number", range(sum(1 for _ in refusals(nn, np.ones))))
def test_what_torch_refuses_is_refused(number):
    for library, ones in ((nn, lambda *shape: np.ones(shape, np.float32)), (torch.nn, torch.ones)):
        with pytest.raises(
            (TypeError, ValueError, KeyError, IndexError, AttributeError, RuntimeError, AssertionError)
        ):
            list(refusals(library, ones))[number]()


@pytest.mark.parametrize("args", [(), (0,), (0, 1), (1, 2), (-3, -2)])
def test_flatten(args):
    compare(nn.Flatten(*args), torch.nn.Flatten(*args), [RNG.normal(size=(2, 3, 4, 5))])


@pytest.mark.parametrize("args", [(1, (3, 2)), (-1, (-1, 2)), (0, (2, 1, 1))])
def test_unflatten(args):
    compare(nn.Unflatten(*args), torch.nn.Unflatten(*args), [RNG.normal(size=(2, 6, 4))])


def test_hooks_are_called_in_torchs_order():
    def calls(lib, x, no_grad):
        seen, net = [], lib.Linear(2, 2)
        for name in ("a", "b"):
            net.register_forward_pre_hook(lambda m, args, name=name: seen.append(("pre", name)))
            net.register_forward_hook(lambda m, args, out, name=name: seen.append(("after", name)))
            net.register_full_backward_hook(lambda m, i, o, name=name: seen.append(("back", name)))
        first = {"prepend": True}
        net.register_forward_pre_hook(lambda m, a, k: seen.append(("pre kw", *k)), with_kwargs=True, **first)
        net.register_forward_hook(lambda m, a, k, o: seen.append(("after kw", *k)), with_kwargs=True, **first)
        net.register_full_backward_hook(lambda m, i, o: seen.append("back first"), prepend=True)
        net(x).sum().backward()
        with no_grad():
            net(input=x)
        net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("state", prefix, keep)))
        net.register_state_dict_post_hook(lambda m, state, prefix, meta: seen.append(("saved", list(state))))
        net.register_load_state_dict_pre_hook(lambda m, state, *others: seen.append(("load", *others[2:])))
        net.register_load_state_dict_post_hook(lambda m, keys: seen.append(("loaded", *map(list, keys))))
        state = lib.Sequential(net).state_dict()
        lib.Sequential(net).load_state_dict(state)
        return seen

    ours = calls(nn, Tensor(np.ones((1, 2), np.float32), requires_grad=True), no_grad)
    assert ours == calls(torch.nn, torch.ones(1, 2, requires_grad=True), torch.no_grad)


FILLS = {
    "eye_": [((4, 6), {})],
    "dirac_": [((6, 4, 3), {}), ((6, 2, 3, 4), {"groups": 3}), ((2, 3, 1, 2, 3), {})],
    "constant_": [((2, 3), {"val": 0.5})],
}


@pytest.mark.parametrize(
    ("name", "shape", "options"), [(n, *case) for n, cases in FILLS.items() for case in cases]
)
def test_values_that_are_not_random(name, shape, options):
    ours = getattr(nn.init, name)(np.full(shape, 9.0), **options)
    theirs = getattr(torch.nn.init, name)(torch.full(shape, 9.0), **options)
    np.testing.assert_array_equal(ours, theirs.numpy())


RANDOM = [
    ("orthogonal_", {"gain": 2.0}),
    ("sparse_", {"sparsity": 0.3, "std": 0.5}),
    ("normal_", {"std": 3.0}),
]
RANDOM += [("uniform_", {"a": -1.0}), ("trunc_normal_", {"std": 2.0}), ("xavier_normal_", {"gain": 2.0})]
RANDOM += [
    ("xavier_uniform_", {}),
    ("kaiming_normal_", {"mode": "fan_out"}),
    ("kaiming_uniform_", {"a": 1.0}),
]


@pytest.mark.parametrize(("name", "options"), RANDOM)
def test_values_that_are_random(name, options):
    shape = (150, 200) if name == "sparse_" else (150, 20, 10)
    ours = getattr(nn.init, name)(np.zeros(shape), **options)
    theirs = getattr(torch.nn.init, name)(torch.zeros(shape, dtype=torch.double), **options).numpy()
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.02)
    np.testing.assert_allclose(np.abs(ours).max(), np.abs(theirs).max(), rtol=0.3)
    assert (ours == 0).sum() == (theirs == 0).sum()


def test_a_convolution_with_its_norm():
    w, b, gain, shift, mean, var = (RNG.uniform(0.5, 2, size) for size in ((3, 2, 2, 2), 3, 3, 3, 3, 3))
    for transpose in (False, True):
        weight = w if not transpose else w.swapaxes(0, 1)
        for bias in (b, None):
            given = [weight, bias, mean, var, 1e-3, gain, shift]
            ours = nn.utils.fuse_conv_bn_weights(*given, transpose)
            as_torch = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in given]
            theirs = torch.nn.utils.fuse_conv_bn_weights(*as_torch, transpose)
            for a, c in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a.numpy(), c.detach().numpy(), rtol=1e-12)


def test_norms_of_gradients():
    grads = [RNG.normal(size=(3, 4)), RNG.normal(size=5)]
    for norm_type in (1, 2, 3, 0.5, float("inf")):
        params, others = ([kind(g) for g in grads] for kind in (nn.Parameter, lambda g: torch.tensor(g)))
        for p, q, g in zip(params, others, grads, strict=True):
            p.grad, q.grad = g.copy(), torch.tensor(g)
        ours = nn.utils.clip_grad_norm_(params, 0.7, norm_type)
        theirs = torch.nn.utils.clip_grad_norm_(others, 0.7, norm_type)
        np.testing.assert_allclose(ours, theirs.item(), rtol=1e-12)
        for p, q in zip(params, others, strict=True):
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-12)
