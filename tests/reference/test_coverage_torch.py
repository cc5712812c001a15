"""All of torch.nn, torch.optim and torch.utils.data is here, or said not to be."""

import inspect
from importlib import import_module

import pytest

torch = pytest.importorskip("torch")

import torch.nn.utils.parametrizations as torch_parametrizations
import torch.nn.utils.parametrize as torch_parametrize
import torch.nn.utils.prune as torch_prune

import nn_coverage
from tapegrad import nn

HERE = {name for names in nn_coverage.here().values() for name in names}
WHY = {**nn_coverage.ABSENT, **nn_coverage.ABSENT_OF_OPTIM, **nn_coverage.ABSENT_OF_DATA}
ABSENT = {name for names in WHY.values() for name in names.split()}
# What torch's functional imports for itself, without an underscore before it.
OWN = {"boolean_dispatch", "assert_int_or_pair", "handle_torch_function", "has_torch_function"}
OWN |= {"has_torch_function_unary", "has_torch_function_variadic", "Tensor", "ScalingType", "SwizzleType"}
OWN |= {"PackedSequence_", "bind", "Callable", "ParamSpec", "TypeVar", "Literal", "Optional", "deprecated"}


def functions(module, prefix):
    """Public functions of torch's, among them those that are written in C."""
    names = [n for n, f in vars(module).items() if n[0] != "_" and callable(f) and n not in OWN]
    of_torch = [
        n for n in names if (getattr(getattr(module, n), "__module__", "") or "torch").startswith("torch")
    ]
    return {f"{prefix}{name}" for name in of_torch}


def missing(names):
    return sorted(names - HERE - ABSENT)


def test_modules():
    classes = {n for n, c in vars(torch.nn).items() if inspect.isclass(c) and issubclass(c, torch.nn.Module)}
    assert missing({f"nn.{name}" for name in classes}) == []
    assert not ABSENT & HERE
    assert len(HERE & {f"nn.{name}" for name in classes}) > 150


def test_functions():
    assert missing(functions(torch.nn.functional, "F.")) == []


def test_initial_values():
    assert missing(functions(torch.nn.init, "init.")) == []


def test_utilities():
    found = functions(torch.nn.utils, "utils.")
    for name, module in (
        ("rnn", torch.nn.utils.rnn),
        ("parametrize", torch_parametrize),
        ("parametrizations", torch_parametrizations),
        ("prune", torch_prune),
    ):
        own = [n for n, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__]
        found |= {f"utils.{name}.{n}" for n in own if n[0] != "_" and n not in OWN}
    assert missing(found) == []


def test_optimizers():
    names = {f"optim.{n}" for n in torch.optim.__all__ if not inspect.ismodule(getattr(torch.optim, n))}
    assert missing(names) == []
    assert len(HERE & names) >= 13


@pytest.mark.parametrize("file", nn_coverage.FILES_OF_OPTIM.values())
def test_files_of_optim(file):
    assert missing({f"optim.{file}.{n}" for n in import_module(f"torch.optim.{file}").__all__}) == []


def test_other_names():
    """What is no module: parameters, containers of settings."""
    for name in ("Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"):
        assert inspect.isclass(getattr(nn, name))


def test_data():
    assert missing({f"data.{name}" for name in import_module("torch.utils.data").__all__}) == []
