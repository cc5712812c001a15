"""The part of docs/coverage.md about torch.nn, torch.optim and torch.utils.data: what is here, what not, why.

tests/reference/test_coverage_torch.py holds the names to those of PyTorch.
"""

from __future__ import annotations

import inspect
from importlib import import_module

from tapegrad import nn
from tapegrad.nn import data, optim

# Modules, functions of torch.nn.functional, of torch.nn.utils and of torch.nn.init that are not here.
ABSENT = {
    "old names that PyTorch warns of": """
        nn.Container nn.NLLLoss2d F.native_channel_shuffle init.constant init.dirac init.eye
        init.kaiming_normal init.kaiming_uniform init.normal init.orthogonal init.sparse init.uniform
        init.xavier_normal init.xavier_uniform utils.clip_grad_norm""",
    "several GPUs in one process; `nn.parallel.replicate` is for processors": "nn.DataParallel",
    "products in eight bits and in groups, for CUDA": "F.grouped_mm F.scaled_grouped_mm F.scaled_mm",
    "layouts in memory that another library's kernels prefer": """
        utils.convert_conv2d_weight_memory_format utils.convert_conv3d_weight_memory_format""",
    "conv1d of another layout, (time, batch, channels): move the axes": "F.conv_tbc",
    "quantisation": "nn.intrinsic nn.qat nn.quantizable nn.quantized",
}
ABSENT_OF_OPTIM = {
    "for compilers, which trace a step with stand-ins for its tensors": """
        optim.swap_in_optimizer_params_and_state""",
}
ABSENT_OF_DATA = {
    "pipelines of functions, which PyTorch has given up": """
        data.DFIterDataPipe data.DataChunk data.IterDataPipe data.MapDataPipe data.argument_validation
        data.functional_datapipe data.guaranteed_datapipes_determinism data.non_deterministic
        data.runtime_validation data.runtime_validation_disabled""",
    "PyTorch's own business": "data._DatasetKind",
}
FILES_OF_OPTIM = {"schedules": "lr_scheduler", "averages of weights": "swa_utils"}


def public(module, prefix: str) -> list[str]:
    """The names that a module exports, but for modules, with a prefix."""
    return [f"{prefix}{name}" for name in module.__all__ if not inspect.ismodule(getattr(module, name))]


def here() -> dict[str, list[str]]:
    """What there is, by kind."""
    return {**of_nn(), **of_optim(), **of_data()}


def of_nn() -> dict[str, list[str]]:
    """What there is of torch.nn, by kind."""
    for name in nn.utils.__all__:
        getattr(nn.utils, name)  # loads its file
    classes = [name for name in nn.__all__ if inspect.isclass(getattr(nn, name))]
    modules = [name for name in classes if issubclass(getattr(nn, name), nn.Module)]
    files = [
        getattr(nn.utils, name) for name in nn.utils.__all__ if inspect.ismodule(getattr(nn.utils, name))
    ]
    utils = public(nn.utils, "utils.")
    for file in files:
        utils += public(file, f"utils.{file.__name__.rpartition('.')[2]}.")
    init = [f"init.{n}" for n, f in vars(nn.init).items() if inspect.isfunction(f) and n[0] != "_"]
    init = [n for n in init if getattr(nn.init, n[5:]).__module__ == nn.init.__name__]
    return {
        "modules": [f"nn.{name}" for name in modules],
        "functions": public(nn.functional, "F."),
        "utilities": sorted(utils),
        "initial values": sorted(init),
    }


def of_optim() -> dict[str, list[str]]:
    """What there is of torch.optim, by kind."""
    classes = [name for name in optim.__all__ if inspect.isclass(getattr(optim, name))]
    kinds = {"optimizers": [f"optim.{n}" for n in classes if issubclass(getattr(optim, n), optim.Optimizer)]}
    for kind, file in FILES_OF_OPTIM.items():
        kinds[kind] = public(import_module(f"{optim.__name__}.{file}"), f"optim.{file}.")
    return kinds


def of_data() -> dict[str, list[str]]:
    """What there is of torch.utils.data, by kind."""
    kinds: dict[str, list[str]] = {"datasets": [], "samplers": [], "loading": []}
    for name in data.__all__:
        kind = {"Dataset": "datasets", "Sampler": "samplers"}
        last = next((kind[end] for end in kind if name.endswith(end)), "loading")
        kinds[last].append(f"data.{name}")
    return kinds


def section() -> str:
    packages = (
        ("torch.nn", INTRODUCTION, of_nn(), ABSENT),
        ("torch.optim", INTRODUCTION_OF_OPTIM, of_optim(), ABSENT_OF_OPTIM),
        ("torch.utils.data", INTRODUCTION_OF_DATA, of_data(), ABSENT_OF_DATA),
    )
    return "\n\n".join(part(*each) for each in packages)


def part(title: str, introduction: str, kinds: dict[str, list[str]], absent: dict[str, str]) -> str:
    """What is here of a package of torch's, and what is not."""
    rows = [f"| {kind} | {' '.join(f'`{name}`' for name in names)} |" for kind, names in kinds.items()]
    missing = [
        f"| {why} | {' '.join(f'`{name}`' for name in names.split())} |" for why, names in absent.items()
    ]
    return "\n".join(
        [f"## {title}", "", introduction, "", "| here | |", "| --- | --- |", *rows, ""]
        + [f"Not here, of all that {title} has:", "", "| why | names |", "| --- | --- |", *missing]
    )


INTRODUCTION = """\
Modules and functions under PyTorch's names, with all of its arguments, in its order and with its defaults:
`nn` is `tapegrad.nn`, `F` is `tapegrad.nn.functional`. They can be differentiated any number of times, but
for SyncBatchNorm over several replicas: once, as what these exchange is not recorded."""
INTRODUCTION_OF_OPTIM = """\
With PyTorch's arguments and numbers, and states that go both ways; `optim` is `tapegrad.nn.optim`. PyTorch
has no `Lion`: its arguments and state are those of its authors' version."""
INTRODUCTION_OF_DATA = """\
With PyTorch's arguments; `data` is `tapegrad.nn.data`. A DataLoader has a `state_dict` here, to resume by."""
