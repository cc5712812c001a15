"""autograd.replay: every op, and NumPy's calls around ops, done again from their capture."""

import gc
import warnings

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from cases import CASES
from cases.case import listed, seeds_for
from tapegrad.autograd import Tensor
from tapegrad.autograd.replay import Program
from tapegrad.autograd.replay.trace import Capture, DivergedError, NotReplayableError, Traced, bare, capturing

rng = np.random.default_rng(0)


def results(case, tensors, out=None):
    """The sum of all that the op gives, differently weighted, and its gradients."""
    out = weighted(case, tensors) if out is None else out
    return [out.data, *(g.data for g in ag.grad(out, tensors))]


def weighted(case, tensors):
    outputs = listed(case(case.op, tensors))
    return sum((np.asarray(s, y.dtype) * y).sum() for s, y in zip(seeds_for(outputs), outputs, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@np.errstate(all="ignore")
def test_every_op_is_replayed(case, dtype):
    """With other numbers than those recorded, bit for bit, and twice."""
    tensors = [Tensor(x, requires_grad=True) for x in case.draw(dtype)]
    program = Program(lambda: weighted(case, tensors), [], tensors)
    for seed in (1, 2):
        for x, new in zip(tensors, case.draw(dtype, seed), strict=True):
            x.data[...] = new
        expected = results(case, tensors)
        loose = (
            1e-12 if case.op.__name__ in ("eig", "eigvals") else 0
        )  # LAPACK, where memory is aligned otherwise
        for a, b in zip(results(case, tensors, program.run([])), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=loose, atol=loose)


def program(fn, *arrays):
    """A recording of fn of arrays; fn is made a function whose result has a gradient."""
    one = Tensor(np.ones((), arrays[0].dtype), requires_grad=True)
    return Program(lambda *traced: Tensor(fn(*traced)) * one, arrays, [one])


def in_place(x, y):
    z = np.empty_like(x)
    np.copyto(z, x)
    z += 1
    z[0] = y[1]
    z[y > 0] = 3
    z[::2] -= x[::2]
    np.add.at(z, [0, 0], y[:2])
    np.clip(z, -1, 2, out=z)
    z.sum(axis=0, out=z[1])
    return z.fill(0.5) or z + x if z is None else z


FUNCTIONS = {
    "in place": in_place,
    "views": lambda x, y: x.T[::-1].mT.swapaxes(0, 1).reshape(3, 4)[..., None][:, :, 0] + y,
    "copies": lambda x, y: (
        x.T.reshape(-1).copy().ravel()[[3, 1, 1]].astype(np.float32).astype(x.dtype) + y[0, :3]
    ),
    "lists": lambda x, y: np.concatenate(
        [np.stack([a, b]) for a, b in zip(np.split(x, 3), list(y[:, None]), strict=True)], 1
    ),
    "reductions": lambda x, y: x.mean(axis=0) + y.max(axis=0, keepdims=True) + x.var() + np.prod(y, axis=0),
    "choices": lambda x, y: np.where(x > y, x, 0) * np.sign(y) + np.take(x, np.array([0, 2, 2]), axis=0),
    "filled": lambda x, y: np.zeros_like(x) + np.full_like(y, 2.5) * np.ones_like(x, shape=(4,)) + x,
    "broadcast": lambda x, y: (
        np.broadcast_to(x[0], (3, 4)) * np.expand_dims(y[:, 0], 1) + np.outer(y[:, 1], x[1])
    ),
    "products": lambda x, y: (
        np.einsum("ij,kj->ik", x, y) + x @ y.T + np.dot(x, y.T) + np.vecdot(x, y)[:, None]
    ),
    "sorted": lambda x, y: np.sort(x, axis=1)[:, ::-1] + x[np.arange(3), np.argmax(y, axis=1)][:, None],
    "numbers": lambda x, y: x * 2 + 1 - np.float32(0.5) * y + np.pi,
    "integers": lambda x, y: x + (y > 0).astype(int) * np.arange(4) + (x > 0).sum(),
    "twice": lambda x, y: (lambda z: z * z + z)(x - y),
}


@pytest.mark.parametrize("fn", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_is_replayed(fn, dtype):
    def draw():
        return rng.standard_normal((3, 4)).astype(dtype), rng.standard_normal((3, 4)).astype(dtype)

    recorded = program(fn, *draw())
    for _ in range(3):
        x, y = draw()
        np.testing.assert_array_equal(recorded.run([x, y]).data, fn(x.copy(), y.copy()))


METHODS = {
    "argmax": lambda x: x.argmax(axis=0) + x.argmin() + x.argsort(axis=0)[0],
    "argpartition": lambda x: np.sort(x.argpartition(2, axis=1)[:, 2:], axis=1),
    "choose": lambda x: (x[0] > 0).astype(int).choose([x[1], x[2]]) + x.compress([True, False, True], axis=0),
    "dot": lambda x: x.dot(x.T) + x.T.dot(Tensor(x)).trace(),
    "flatten": lambda x: x.flatten() * x.ravel()[::-1] + x.diagonal().sum() + x.round(1).max(),
    "searchsorted": lambda x: np.sort(x[0]).searchsorted(x[1]),
    "scans": lambda x: x.cumsum(axis=1) + np.multiply.outer(x[:, 0], x[0]) + np.cumsum(x).sum(),
    "reduceat": lambda x: np.add.reduceat(x, [0, 1], axis=1) + x.cumprod()[-1],
    "in place": lambda x: in_order(x),
    "iteration": lambda x: sum(row * value for row, value in zip(x, x[:, 0], strict=True)),
    "contains": lambda x: x * (2 if np.inf in x else 1),
    "a Tensor as an argument": lambda x: x.take(Tensor(x[:, 0].argsort()), axis=0),
    "a slice": lambda x: x[: len(x) - 1] + x[1:],
}


def in_order(x):
    x = x * 1
    x.sort(axis=0)
    x.put([0, 1], x[2, :2])
    x.partition(1, axis=1)
    return x


@pytest.mark.parametrize("fn", METHODS.values(), ids=METHODS)
def test_methods_of_arrays_are_replayed(fn):
    recorded = program(fn, rng.standard_normal((3, 4)))
    for _ in range(3):
        x = rng.standard_normal((3, 4))
        np.testing.assert_array_equal(recorded.run([x]).data, fn(x.copy()))


ARGUMENTS = {
    **dict.fromkeys(("argpartition", "partition", "repeat", "searchsorted"), (0,)),
    **{
        "astype": (int,),
        "choose": ([1, 2],),
        "clip": (0, 1),
        "compress": ([True],),
        "dot": (2,),
        "fill": (1,),
    },
    **{"getfield": (np.int64,), "put": (0, 1), "reshape": (1, 1), "resize": ((3,),), "swapaxes": (0, 0)},
    **{"setfield": (1, np.int64), "take": (0,), "dump": ("",), "tofile": ("",), "to_device": ("cpu",)},
}
OF_FORM = {"setflags"}  # no numbers go into what it does


METHODS = [n for n in dir(np.ndarray) if callable(getattr(np.ndarray, n)) and n[0] != "_"]


@pytest.mark.parametrize("name", METHODS)
def test_no_method_of_an_array_escapes(name):
    """What it gives is part of the capture, or it is refused."""
    capture = Capture()
    token = capturing.set(capture)
    try:
        warnings.simplefilter("ignore", DeprecationWarning)  # pytest puts it back
        x = capture.copy(
            np.zeros((1, 1), int) if name in ("choose", "trace", "diagonal") else np.zeros(1, int)
        )
        before = len(capture.steps)
        try:
            found = getattr(x, name)(*ARGUMENTS.get(name, ()))
        except NotReplayableError:
            return
        noted = len(capture.steps) > before
        assert isinstance(found, Traced) or (found is None and noted) or name in OF_FORM
    finally:
        capturing.reset(token)


@pytest.mark.parametrize("name", [*METHODS, "T", "mT", "real", "imag"])
def test_memory_is_in_use_as_long_as_a_view(name):
    """ndarray.squeeze gives one that does not hold on to its array, only to the memory of that."""
    capture = Capture()
    token = capturing.set(capture)
    try:
        x = capture.copy(np.zeros((1, 1), int))
        try:
            found = getattr(x, name)
            found = found(*ARGUMENTS.get(name, ())) if name in METHODS else found
        except (NotReplayableError, AttributeError, ValueError):  # of one axis, or not there
            return
        del x
        again = capture.copy(np.zeros((1, 1), int))
        assert found is None or not np.shares_memory(bare(found), bare(again))
    finally:
        capturing.reset(token)


def test_a_scalar_of_numpy_stays_weak():
    """As a number that NumPy made of float64 arrays, which does not widen a Tensor of float32."""
    w = Tensor(np.ones(3, np.float32), requires_grad=True)

    def fn(x):
        return (w * x.sum()).sum() / x.mean() + np.where(w > 0, w, x[0]).sum()

    x = rng.standard_normal(3)
    recorded = Program(fn, [rng.standard_normal(3)], [w])
    assert recorded.run([x]).dtype == fn(x).dtype == np.float32
    assert recorded.run([x]).item() == fn(x).item()
    assert Tensor(x.sum()).dtype == np.float64


def test_arrays_that_are_written_to():
    def fn(x, y):
        x *= 2
        return Tensor(x + y)

    recorded = Program(fn, [np.ones(2), np.ones(2)], [])
    x, y = np.array([1.0, 2]), np.array([3.0, 4])
    np.testing.assert_array_equal(recorded.run([x, y], [0]).data, [5, 8])
    np.testing.assert_array_equal([x, y], [[2, 4], [3, 4]])


def test_tensors_that_are_read_without_a_gradient():
    w, c = Tensor(np.ones(2), requires_grad=True), Tensor(np.ones(2))
    recorded = Program(lambda: (w * np.exp(c)).sum(), [], [w], reads=[c])
    c.data[...] = 2
    assert recorded.run([]).item() == 2 * np.exp(2) and not recorded.moved()
    c.data = np.zeros(2)
    assert recorded.moved() and type(c) is Tensor


def test_hooks_of_leaves_are_not_captured():
    w, seen = Tensor(np.ones(2), requires_grad=True), []
    w.register_hook(lambda g: seen.append(1) or g * 10)
    recorded = Program(lambda: (w * 3).sum(), [], [w])
    assert not seen
    recorded.run([]).backward()
    np.testing.assert_array_equal(w.grad, [30, 30])
    assert len(seen) == 1


def test_what_is_refused_may_not_be_caught():
    def fn(x):
        try:
            return Tensor(x * float(x[0]))
        except NotReplayableError:
            return Tensor(x)

    with pytest.raises(NotReplayableError, match="into Python"):
        Program(fn, [np.ones(2)], [])


REFUSED = {
    "a number read": lambda x: x * float(x[0]),
    "a list of numbers": lambda x: x * x.tolist()[0],
    "a count that depends on numbers": lambda x: x * len(np.nonzero(x > 0)[0]),
    "a method of ndarray": lambda x: x * x.repeat(2)[0],
    "a ufunc with two results": lambda x: np.modf(x)[0],
    "a plain array of a Tensor": lambda x: np.asarray(Tensor(x)),
    "bytes": lambda x: x * len(x.tobytes()),
    "one after the other": lambda x: x * sum(x.flat),
    "a comparison of whole arrays": lambda x: x * np.array_equal(x, x),
    "a plain array instead": lambda x: np.array(x),
}


@pytest.mark.parametrize("fn", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_recorded_is_refused(fn):
    with pytest.raises(NotReplayableError):
        Program(lambda x: Tensor(fn(x)), [np.arange(3.0)], [])
    assert capturing.get() is None


def test_conditions_and_sizes_are_checked():
    branch = program(lambda x: x * 2 if x[0] > 0 else -x, np.ones(3))
    assert branch.run([np.full(3, 4.0)]).data[0] == 8
    with pytest.raises(DivergedError):
        branch.run([np.full(3, -4.0)])
    some = program(lambda x: x[x > 0].sum() + np.unique(x), np.array([1.0, -1]))
    np.testing.assert_array_equal(some.run([np.array([-5.0, 3])]).data, [-2, 6])
    with pytest.raises(DivergedError):
        some.run([np.array([5.0, 3])])


def test_memory_is_used_again_like_malloc_would():
    x = rng.standard_normal(1 << 16)
    recorded = program(lambda x: sum((np.tanh(x) + i for i in range(20)), x * 0).sum(), x)
    arrays = {
        a.__array_interface__["data"][0]: a for _, args in recorded._forward for a in args if np.size(a) > 99
    }
    assert sum(a.nbytes for a in arrays.values()) <= 5 * x.nbytes


def test_a_recording_ends_without_garbage():
    """Traced arrays are gone with their recording, by reference counting alone."""
    gc.collect()
    gc.disable()
    try:
        program(lambda x: np.exp(x[None]).T.sum(), np.ones(3))
        assert not [a for a in gc.get_objects() if type(a) is Traced]
    finally:
        gc.enable()


def test_an_array_of_a_recording_after_its_end():
    kept = []
    program(lambda x: kept.append(x) or x * 2, np.ones(3))
    with pytest.raises(NotReplayableError, match="after its end"):
        kept[0] + 1


def test_gradients_in_given_places():
    w, b = Tensor(rng.standard_normal((4, 3)), requires_grad=True), Tensor(np.zeros(4), requires_grad=True)
    row = np.zeros(16)
    places = {id(w): row[:12].reshape(4, 3), id(b): row[12:]}
    x, y = rng.standard_normal((2, 5, 3))
    recorded = Program(lambda x: ag.square(kernels.linear(x, w, b)).sum(), [x], [w, b], places)
    found = dict.fromkeys([w.edge, b.edge])
    out = recorded.run([y])
    ag.engine.walk([out.edge], [np.ones(())], targets=found)
    assert found[w.edge] is places[id(w)] and found[b.edge] is places[id(b)]
    expected = ag.grad(ag.square(kernels.linear(y, w, b)).sum(), [w, b])
    np.testing.assert_array_equal(row, np.concatenate([g.data.ravel() for g in expected]))


def test_layouts_in_memory_are_kept():
    recording = Capture()
    for array in (np.ones((2, 3, 4)).transpose(2, 0, 1), np.ones((0, 3)), np.ones(()), np.ones(3, bool)):
        made = recording.copy(array)
        assert made.strides == array.strides and made.dtype == array.dtype and type(bare(made)) is np.ndarray
        np.testing.assert_array_equal(bare(made), array)
    for array in (
        np.arange(12.0)[::-2],
        np.broadcast_to(np.arange(3.0), (2, 3)),
        np.ones((6, 6)).T[1:4, ::3],
    ):
        np.testing.assert_array_equal(bare(recording.copy(array)), array)
