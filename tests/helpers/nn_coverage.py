"""The part of docs/coverage.md about torch.nn: what is here, and what is not and why.

tests/reference/test_coverage_torch.py holds the names to those of PyTorch.
"""

from __future__ import annotations

import inspect

from tapegrad import nn

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


def public(module, prefix: str) -> list[str]:
    """The names that a module exports, but for modules, with a prefix."""
    return [f"{prefix}{name}" for name in module.__all__ if not inspect.ismodule(getattr(module, name))]


def here() -> dict[str, list[str]]:
    """What there is, by kind."""
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


def section() -> str:
    rows = [f"| {kind} | {' '.join(f'`{name}`' for name in names)} |" for kind, names in here().items()]
    missing = [
        f"| {why} | {' '.join(f'`{name}`' for name in names.split())} |" for why, names in ABSENT.items()
    ]
    return "\n".join(
        ["## torch.nn", "", INTRODUCTION, "", "| here | |", "| --- | --- |", *rows, "", NOT_HERE, ""]
        + ["| why | names |", "| --- | --- |", *missing]
    )


INTRODUCTION = """\
Modules and functions under PyTorch's names, with all of its arguments, in its order and with its defaults:
`nn` is `tapegrad.nn`, `F` is `tapegrad.nn.functional`. They can be differentiated any number of times."""
NOT_HERE = "Not here, of all that torch.nn has:"
