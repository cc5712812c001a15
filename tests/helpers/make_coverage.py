"""Writes docs/coverage.md: what becomes of a Tensor in each function of NumPy, and PyTorch's words here.

python tests/helpers/make_coverage.py     # needs tapegrad installed; a test compares the page with page()

All is derived: functions from the facts that stand on ops, dtypes and orders of derivatives from running the
cases of tests/cases. Only the reasons why a function has no gradient here are written by hand (ABSENT).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import nn_coverage  # noqa: E402
import tapegrad.autograd as ag  # noqa: E402
from cases import CASES, COMPOSED  # noqa: E402
from cases.case import listed  # noqa: E402
from tapegrad.autograd import dialect, writing  # noqa: E402
from tapegrad.autograd.protocols import FUNCTIONS  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"
FLOATS = (np.float16, np.float32, np.float64)

# Why functions of NumPy that take numbers have no gradient here; with constants all of them work.
ABSENT = {
    "the result is complex, and Tensors hold real numbers": """
        fft.fft fft.fft2 fft.fftn fft.hfft fft.ifft fft.ifft2 fft.ifftn fft.ihfft fft.irfft fft.irfft2
        fft.irfftn fft.rfft fft.rfft2 fft.rfftn roots sort_complex""",
    "coefficients of polynomials: an interface that NumPy itself has replaced": """
        poly polyadd polyder polydiv polyfit polyint polymul polysub""",
    "a set of values: no gradient where members meet": "intersect1d setdiff1d setxor1d union1d",
    "made of shapes, or of what is no Tensor; with like= a Tensor, a constant one comes out": """
        arange empty eye frombuffer fromfunction fromiter fromstring identity ones tri zeros""",
    "a function that is given a function: call yours on Tensors": "frompyfunc",
    "np.vstack, whose old name NumPy takes away": "row_stack",
    "np.asarray, after a look at np.isfinite(x).all()": "asarray_chkfinite",
}
# What never sees a Tensor's numbers: there is nothing to differentiate.
NOTHING = {
    "files, text and printing": """
        array2string array_repr array_str base_repr binary_repr datetime_as_string datetime_data
        format_float_positional format_float_scientific fromfile fromregex fromstring genfromtxt
        get_printoptions info load loadtxt printoptions save savetxt savez savez_compressed
        set_printoptions typename""",
    "dtypes, memory and settings": """
        can_cast common_type finfo from_dlpack frombuffer fromiter get_include getbufsize geterr geterrcall
        iinfo isdtype isfortran isscalar issubdtype iterable may_share_memory min_scalar_type mintypecode
        nested_iters promote_types result_type setbufsize seterr seterrcall shares_memory show_config
        show_runtime test""",
    "arrays of shapes, counts or formulas": """
        bartlett blackman broadcast_shapes diag_indices fft.fftfreq fft.rfftfreq hamming hanning indices ix_
        kaiser mask_indices tril_indices triu_indices""",
    "names that NumPy has taken away: np.isin, np.trapezoid": "in1d trapz",
    "dates, bytes and objects": """
        asmatrix bmat busday_count busday_offset is_busday isnat packbits unpackbits""",
}


def functions() -> dict[str, Callable]:
    """The functions of this NumPy by the names under which users find them, without `np.`."""
    found = {}
    for prefix, module in (("", np), ("linalg.", np.linalg), ("fft.", np.fft)):
        for name in sorted(module.__all__):
            fn = getattr(module, name)
            if callable(fn) and not inspect.isclass(fn) and name[0] != "_":
                found[prefix + name] = fn
    return found


def reason(name: str, table: dict[str, str]) -> str | None:
    return next((why for why, names in table.items() if name in names.split()), None)


def differentiable(fn: Callable) -> bool:
    return hasattr(fn, "facts") and fn.facts.gradient


def kind(name: str, fn: Callable) -> str:
    """ "gradient", "writing", "constant", "absent", "nothing", or "" for what nobody has thought of."""
    ours = FUNCTIONS.get(fn)
    if fn in writing.FUNCTIONS:
        return "writing"
    if ours is not None and getattr(ours, "lossless", True):
        return "gradient" if differentiable(ours) else "constant"
    return "absent" if reason(name, ABSENT) else "nothing" if reason(name, NOTHING) else ""


# ------------------------------------------------------------------ what is found out by running


def cases_of(fn: Callable) -> list:
    return [case for case in (*CASES, *COMPOSED) if getattr(case.op, "of", case.op) is fn]


def dtypes(fn: Callable) -> str:
    """The float dtypes that come out as they went in."""
    return " ".join(str(np.dtype(d).itemsize * 8) for d in FLOATS if any(keeps(c, d) for c in cases_of(fn)))


def keeps(case, dtype) -> bool:
    with np.errstate(all="ignore"):
        try:
            out = listed(case(case.op, [ag.Tensor(x) for x in case.draw(dtype)]))
        except (TypeError, ValueError):
            return False
    return all(y.dtype == dtype for y in out if isinstance(y, ag.Tensor) and y.dtype.kind == "f")


def order(fn: Callable) -> str:
    """How often it can be differentiated: "any" number of times, or once; "zero" for a step function."""
    found = {derivatives(case) for case in cases_of(fn)}
    return next((word for word in ("1", "any", "zero") if word in found), "?")


def derivatives(case) -> str:
    inputs = [ag.Tensor(x, requires_grad=True) for x in case.draw()]
    try:
        with ag.higher_order(), np.errstate(all="ignore"):
            outputs = [
                y for y in listed(case(case.op, inputs)) if isinstance(y, ag.Tensor) and y.requires_grad
            ]
            total = sum((y * y).sum() for y in outputs)
            first = ag.grad(total, inputs, create_graph=True, allow_unused=True)
            first = [g for g in first if g is not None]
            if not any(g.requires_grad for g in first):
                return "zero"
            sum((g * g).sum() for g in first).backward()
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return "1"
    return "any"


# ------------------------------------------------------------------ the page


def spelling(name: str, fn: Callable) -> str:
    """np.f, and under which names of this package it is found too."""
    ours = FUNCTIONS[fn]
    facts = getattr(ours, "facts", None)
    more = [f"`x.{ours.__name__}`"] if facts is not None and facts.method else []
    return ", ".join([f"`np.{name}`", *more])


def page() -> str:
    found = functions()
    kinds = {name: kind(name, fn) for name, fn in found.items()}
    parts = [INTRODUCTION.format(version=".".join(np.__version__.split(".")[:2]))]
    rows = [
        [spelling(name, fn), order(FUNCTIONS[fn]), dtypes(FUNCTIONS[fn])]
        for name, fn in found.items()
        if kinds[name] == "gradient"
    ]
    parts += ["## With a gradient", table(["function", "order", "float"], rows)]
    parts += ["## Of this package", OWN, table(["function", "order", "float"], own_rows(found))]
    written = [f"`np.{name}`" for name in found if kinds[name] == "writing"]
    parts += ["## Writing", WRITING, ", ".join(written) + "."]
    constant = [f"`np.{name}`" for name in found if kinds[name] == "constant"]
    parts += ["## Constants", CONSTANTS, ", ".join(constant) + "."]
    parts += [
        "## Without a gradient here",
        REFUSED,
        table(["why", "functions"], grouped(ABSENT, kinds, "absent")),
    ]
    parts += ["## Nothing to differentiate", table(["what", "functions"], grouped(NOTHING, kinds, "nothing"))]
    words = [
        [f"`{word}`", f"`{here}`" if here else "nothing to do"]
        for word, here in sorted(dialect.WORDS.items())
    ]
    parts += ["## PyTorch's words", WORDS, table(["PyTorch", "here"], words)]
    parts += [nn_coverage.section()]
    return "\n\n".join(parts) + "\n"


def own_rows(found: dict[str, Callable]) -> list[list[str]]:
    """Functions that NumPy does not have, those under SciPy's names among them."""
    bound = {FUNCTIONS.get(fn) for fn in found.values()}
    rows = []
    for prefix, module in (("ag.", ag.ops), ("ag.linalg.", ag.linalg), ("ag.special.", ag.special)):
        for name in sorted(module.__all__):
            fn = getattr(module, name)
            if differentiable(fn) and fn not in bound:
                rows.append([f"`{prefix}{name}`", order(fn), dtypes(fn)])
    return rows


def grouped(groups: dict[str, str], kinds: dict[str, str], wanted: str) -> list[list[str]]:
    rows = []
    for why, names in groups.items():
        here = [f"`{name}`" for name in names.split() if kinds.get(name) == wanted]
        if here:
            rows.append([why, " ".join(here)])
    return rows


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


INTRODUCTION = """\
# Coverage

What becomes of a Tensor in each function of NumPy {version}. Made by `python tests/helpers/make_coverage.py`
from the facts that stand on the ops and from running their cases; a test holds it to what the package does.
"order" is how often a function can be differentiated; "float" are the widths that stay what they are. What
makes arrays (`np.array`, `np.asarray`, `np.full`, `np.require` ...) comes here with `like=` a Tensor."""
OWN = """\
What NumPy does not have, with PyTorch's names and NumPy's arguments (`axis`), or with SciPy's. Where SciPy is
installed, its ufuncs of the same names arrive here too."""
WRITING = """\
Into a Tensor: gradients go to what is written and to what it leaves, as for `x[index] = value`; so do those
of `np.add.at` and the `at` of subtract, multiply, divide, maximum and minimum."""
CONSTANTS = """\
The result does not depend smoothly on the numbers: a constant comes out, without a gradient."""
REFUSED = """\
A Tensor that requires a gradient raises TypeError there, which names the nearest functions; what is
`.detach()`ed, or computed under `no_grad()`, gives what NumPy gives."""
WORDS = """\
What PyTorch's functions and methods are called here, where it is not the same name: `x` and `y` are Tensors,
`xs` a list of them, `v` and `w` vectors, `m` and `c` matrices, `s` and `t` stacks of matrices, `F` is
`tapegrad.nn.functional`."""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
