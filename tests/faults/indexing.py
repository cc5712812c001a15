"""Faults planted in what adds, scatters, sorts and writes at an index."""

from .fault import Fault

GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
INPLACE = "tests/autograd/test_inplace.py::"
ADDING = "tests/autograd/test_adding.py"
FOLLOWED = "tests/nn/test_replay_indexing.py::test_a_constant_is_followed_where_its_index_is"

FAULTS = [
    Fault(
        "autograd/replay/program.py",
        "Switch(again=follow)",
        "Switch()",
        FOLLOWED,
    ),
    Fault(
        "autograd/replay/following.py",
        "_holds(kind, v) if type(v) in (tuple, list) else type(v) is kind",
        "type(v) is kind",
        FOLLOWED,
    ),
    Fault(
        "autograd/replay/following.py",
        "(*rest, *(kwargs or {}).values())",
        "rest",
        FOLLOWED,
    ),
    Fault(
        "autograd/ops/choice.py",
        "reduce(np.stack(np.broadcast_arrays(*conditions)))",
        "reduce(np.broadcast_arrays(*conditions))",
        FOLLOWED,
    ),
    Fault("autograd/ops/index.py", "(taken[parts] == order)", "(order == order)", f"{GRADIENT} -k index_put"),
    Fault(
        "autograd/adding.py",
        "bool(np.isfinite(np.vdot(sums, sums)))",
        "True",
        f"{ADDING}::test_what_is_infinite_spoils_no_other_row",
    ),
    Fault("autograd/adding.py", "part + n, part)", "part, part)", f"{ADDING} -k pairs"),
    Fault(
        "autograd/ops/scatter.py",
        "share = g / np.maximum(count, 1)",
        "share = g",
        "tests/autograd/test_selecting.py -k share",
    ),
    Fault(
        "autograd/ops/scatter.py",
        "np.all(products != 0)",
        "True",
        f"{GRADIENT} -k index_multiply",
    ),
    Fault(
        "autograd/ops/sort.py",
        "(y[..., 1:] == y[..., :-1]).any(axis=-1) |",
        "",
        "tests/autograd/test_sorting.py -k first_of_equals",
    ),
    Fault(
        "autograd/writing.py",
        "versions.mark_region(target.data)",
        "pass",
        f"{INPLACE}test_what_numpys_functions_write_is_noticed_by_backward",
    ),
    Fault(
        "autograd/ops/counting.py",
        "np.where(x == e[-1], n - 1, number)",
        "number",
        "tests/autograd/test_selecting.py -k edges",
    ),
    Fault("autograd/adding.py", "at + len(target), at)", "at, at)", f"{ADDING} -k numbers"),
    Fault("autograd/adding.py", "parts[-1] == slice(None))", "True)", f"{ADDING} -k columns"),
    Fault(
        "autograd/adding.py",
        "np.float32 if g.dtype is HALF else None",
        "None",
        f"{ADDING}::test_float16_is_added_in_float32",
    ),
]
