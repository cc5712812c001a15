"""Arguments of constructors, forward, functions and methods: torch's names, in torch's order."""

import inspect
import typing
from importlib import import_module

import pytest

torch = pytest.importorskip("torch")

from tapegrad import nn
from tapegrad.nn import functional as F
from tapegrad.nn import optim

OTHER_DEFAULTS = {
    *("is_causal", "src_is_causal", "tgt_is_causal"),  # False; torch's None is to look at the mask
    "dim",  # -1; torch warns where it is not given
    "modules",  # (); torch's None
    "generator",  # None; torch's random_split has its own generator
    "closure",  # None; without one LBFGS says what to give
}


def parameters(fn):
    """Without dtype, which is NumPy's here."""
    if fn.__qualname__ in ("RNN.__init__", "LSTM.__init__", "GRU.__init__") and "torch" in fn.__module__:
        fn = spelt(fn)
    every = inspect.signature(fn).parameters.values()
    named = [p for p in every if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [p for p in named if p.name not in ("self", "dtype")]


def spelt(fn):
    """The first overload of a function of torch's that takes *args and says in overloads which."""
    if not hasattr(typing, "get_overloads"):
        pytest.skip("Python 3.10 forgets overloads")
    return typing.get_overloads(fn)[0]


def with_signature(ours, theirs):
    """Names of functions that both have; some of torch's are written in C and do not tell."""
    names = [name for name in dir(ours) if inspect.isfunction(getattr(ours, name)) and name[0] != "_"]
    return sorted(name for name in names if inspect.isfunction(getattr(theirs, name, None)))


CLASSES = sorted(name for name in nn.__all__ if inspect.isclass(getattr(torch.nn, name, None)))
FUNCTIONS = with_signature(F, torch.nn.functional)
METHODS = [name for name in with_signature(nn.Module, torch.nn.Module) if name != "to"]  # torch's takes *args

NOT_THERE = {  # of torch.nn.Module, and why
    "T_destination": "a type variable",
    "call_super_init": "super().__init__() may be forgotten here",
    "dump_patches": "nothing uses it in torch either",
    "ipu": "a device that is not there; to(device) says so",
    "mtia": "a device that is not there",
    "register_backward_hook": "torch warns of it: its gradients are those of the last op, not of the module",
    "xpu": "a device that is not there",
}


ABSENT = {"_stacklevel", "out_int32"}  # what is torch's own business


def agree(ours, theirs, complete=True):
    """Each of our arguments has a name of torch's, its place if it is positional, and its default.

    And all of torch's are there, where `complete` is said.
    """
    theirs = {p.name: p for p in parameters(theirs) if p.name not in ABSENT}
    missing = set(theirs) - {p.name for p in parameters(ours)}
    assert not (complete and missing)
    for place, p in enumerate(parameters(ours)):
        assert p.name in theirs
        assert p.kind is p.KEYWORD_ONLY or list(theirs)[place] == p.name
        if not callable(p.default) and p.name not in OTHER_DEFAULTS:
            assert p.default == theirs[p.name].default


MADE_BY_NEW = {"Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"}


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in {"Module", *MADE_BY_NEW}])
def test_constructor(name):
    agree(getattr(nn, name).__init__, getattr(torch.nn, name).__init__)


NO_FORWARD = {"Buffer", "Module", "Parameter", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
NO_FORWARD |= MADE_BY_NEW | {"LinearCrossEntropyOptions"}
OWN_FORWARD = [n for n in CLASSES if n not in (*NO_FORWARD, "RMSNorm")]  # whose input torch calls x


@pytest.mark.parametrize("name", OWN_FORWARD)
def test_forward(name):
    agree(getattr(nn, name).forward, getattr(torch.nn, name).forward)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    told = f"{name}_with_indices"  # max_pool1d itself takes *args in torch, and calls this
    agree(getattr(F, name), getattr(torch.nn.functional, told, getattr(torch.nn.functional, name)))


@pytest.mark.parametrize("name", METHODS)
def test_method(name):
    agree(getattr(nn.Module, name), getattr(torch.nn.Module, name))


CONTAINERS = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


@pytest.mark.parametrize("name", ["Module", *CONTAINERS])
def test_every_public_name_is_there(name):
    theirs = {n for n in dir(getattr(torch.nn, name)) if n[0] != "_"}
    theirs -= {"smart_apply"}  # which transformers puts there, where it is imported
    missing = theirs - set(dir(getattr(nn, name))) - {"training"}
    assert missing == set(NOT_THERE) & theirs


@pytest.mark.parametrize("name", CONTAINERS)
def test_method_of_a_container(name):
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    for method in with_signature(ours, theirs):
        if method in vars(theirs) and method not in ("forward", "pop"):  # pop() may be called as a list's
            agree(getattr(ours, method), getattr(theirs, method))


def test_arguments_of_initial_values():
    for name in with_signature(nn.init, torch.nn.init):
        agree(getattr(nn.init, name), getattr(torch.nn.init, name))
    assert set(nn.init.__all__) >= {n for n in dir(torch.nn.init) if n.endswith("_") and n[0] != "_"}


def test_functions_of_utils():
    theirs = {n: v for n, v in vars(torch.nn.utils).items() if n[0] != "_" and callable(v)}
    absent = {  # and why
        "clip_grad_norm": "torch warns of it",
        "convert_conv2d_weight_memory_format": "there is one layout in memory",
        "convert_conv3d_weight_memory_format": "there is one layout in memory",
    }
    assert set(theirs) - set(nn.utils.__all__) == set(absent)
    for name, value in theirs.items():
        if name not in absent and name != "skip_init":
            agree(getattr(nn.utils, name), value)


@pytest.mark.parametrize("name", ["parametrize", "parametrizations", "prune"])
def test_arguments_of_modules_of_utils(name):
    ours, theirs = getattr(nn.utils, name), import_module(f"torch.nn.utils.{name}")
    names = with_signature(ours, theirs)
    assert len(names) >= 3
    for function in names:
        agree(getattr(ours, function), getattr(theirs, function))
    for cls in [n for n in ours.__all__ if isinstance(getattr(ours, n), type)]:
        agree(getattr(ours, cls).__init__, getattr(theirs, cls).__init__)
        for method in ("compute_mask", "prune"):  # apply takes what the class takes
            if hasattr(getattr(ours, cls), method):
                agree(getattr(getattr(ours, cls), method), getattr(getattr(theirs, cls), method))


OPTIMIZERS = sorted(n for n in optim.__all__ if inspect.isclass(getattr(torch.optim, n, None)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    ours, theirs = getattr(optim, name), getattr(torch.optim, name)
    agree(ours.__init__, theirs.__init__)
    for method in with_signature(ours, theirs):
        agree(getattr(ours, method), getattr(theirs, method))
    absent = {  # and why
        "OptimizerPostHook": "a type",
        "OptimizerPreHook": "a type",
        "profile_hook_step": "a decorator of torch's own",
        "share_memory": "states move to shared memory by themselves, in nn.parallel.replicate",
    }
    missing = {n for n in dir(theirs) if n[0] != "_"} - {*dir(ours), *absent}
    assert not missing


@pytest.mark.parametrize("file", ["lr_scheduler", "swa_utils"])
def test_files_of_optim(file):
    ours, theirs = import_module(f"tapegrad.nn.optim.{file}"), import_module(f"torch.optim.{file}")
    for name in theirs.__all__:
        its = getattr(theirs, name)
        if inspect.isclass(its):
            agree(getattr(ours, name).__init__, its.__init__)
            for method in vars(its).keys() & {*with_signature(getattr(ours, name), its)}:
                agree(getattr(getattr(ours, name), method), getattr(its, method))
        else:
            agree(getattr(ours, name), its)


@pytest.mark.parametrize("name", nn.data.__all__)
def test_data(name):
    ours, its = getattr(nn.data, name), getattr(import_module("torch.utils.data"), name)
    if not inspect.isclass(its):
        agree(ours, its)
    elif "__init__" in vars(its):
        agree(ours.__init__, its.__init__)


def test_enough_is_compared():
    assert {"Adagrad", "AdamW", "NAdam", "Optimizer", "RMSprop", "SGD"} <= {*OPTIMIZERS}
    assert {"Linear", "Embedding", "MultiheadAttention", "Transformer", "ModuleList"} <= {*CLASSES}
    assert {"cross_entropy", "dropout", "layer_norm", "relu", "softmax"} <= {*FUNCTIONS}
    assert {"load_state_dict", "named_modules", "register_buffer", "train", "zero_grad"} <= {*METHODS}
