"""Hooks, and the modes that switch recording."""

import threading

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor, modes

# -------------------------------------------------------------------------------------------- hooks


def test_hooks_on_leaf_and_inner_tensor_see_and_replace_the_complete_gradient():
    x = leaf(3)
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(("h", g.copy())))
    h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: seen.append(("h again", g.copy())))
    x.register_hook(lambda g: seen.append(("x", g.copy())))
    x.register_hook(lambda g: -g)
    (h * 3 + h).sum().backward()
    assert [name for name, _ in seen] == ["h", "h again", "x"]
    assert [g[0] for _, g in seen] == [4, 40, 80]
    np.testing.assert_array_equal(x.grad, [-80, -80, -80])


def test_a_hook_can_be_removed():
    x = leaf(3)
    calls = []
    handle = x.register_hook(lambda g: calls.append(1))
    other = x.register_hook(lambda g: calls.append(2))
    (x * 1).sum().backward()
    handle.remove()
    handle.remove()
    (x * 1).sum().backward()
    other.remove()
    (x * 1).sum().backward()
    x.register_hook(lambda g: calls.append(3))
    (x * 1).sum().backward()
    assert calls == [1, 2, 2, 3]


def test_a_hook_gets_a_read_only_array_and_may_return_it():
    x = leaf(3)

    def scribble(g):
        with pytest.raises(ValueError, match="read-only"):
            g *= 2
        return g

    x.register_hook(scribble)
    (x * 2 + x).sum().backward()
    assert x.grad.flags.writeable
    np.testing.assert_array_equal(x.grad, [3, 3, 3])


@pytest.mark.parametrize("new", [Tensor(np.float32([1, 2, 3])), [1, 2, 3], np.array([1, 2, 3])])
def test_what_a_hook_returns_becomes_an_array_of_the_right_dtype(new):
    x = leaf(3)
    x.register_hook(lambda g: new)
    (x * 2).sum().backward()
    assert type(x.grad) is np.ndarray and x.grad.dtype == np.float64
    np.testing.assert_array_equal(x.grad, [1, 2, 3])


def test_a_hook_that_returns_another_shape():
    x = leaf(3)
    x.register_hook(lambda g: g[:2])
    with pytest.raises(ValueError, match=r"hook on leaf .* shape \(2,\), expected \(3,\)"):
        x.sum().backward()


def test_a_hook_on_one_of_several_outputs():
    a, b = np.split(leaf(4), 2)
    seen = []
    a.register_hook(lambda g: seen.append("a"))
    b.register_hook(lambda g: seen.append("b"))
    (b * 2).sum().backward()
    assert seen == ["b"]


def test_hooks_run_in_grad_and_are_differentiable_there():
    x = leaf(3)
    with ag.higher_order():
        h = x * x
        handle = h.register_hook(lambda g: g * 5)
        y = (h * h).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    np.testing.assert_allclose(g.data, 5 * 4 * x.data**3)
    handle.remove()
    (gg,) = ag.grad(g.sum(), x)
    np.testing.assert_allclose(gg.data, 5 * 12 * x.data**2)


def test_grad_runs_no_hook_beside_its_way():
    x, y = leaf(3), leaf(3)
    beside = y * 2
    y.register_hook(lambda g: pytest.fail("not on the way to x"))
    beside.register_hook(lambda g: pytest.fail("not on the way to x"))
    ag.grad((x * 2 + beside).sum(), x)


def test_a_hook_may_run_another_backward():
    x, y = leaf(3), leaf(3)
    x.register_hook(lambda g: (y * y).sum().backward())
    (x * 2).sum().backward()
    np.testing.assert_allclose(y.grad, 2 * y.data)
    np.testing.assert_array_equal(x.grad, [2, 2, 2])


def test_hooks_and_retain_grad_need_a_gradient():
    for method in (lambda t: t.register_hook(print), lambda t: t.retain_grad()):
        with pytest.raises(RuntimeError, match="does not require a gradient"):
            method(Tensor(1.0))


def test_retain_grad():
    x = leaf(3)
    h = (x * 2).retain_grad()
    h.retain_grad()
    assert h.grad is None
    y = (h * h).sum()
    y.backward(retain_graph=True)
    np.testing.assert_allclose(h.grad, 2 * h.data)
    y.backward()
    np.testing.assert_allclose(h.grad, 4 * h.data)
    assert not np.shares_memory(h.grad, x.grad)
    a, b = np.split(x * 1, [1])
    b.retain_grad()
    (b * 3).sum().backward()
    np.testing.assert_array_equal(b.grad, [3, 3])
    assert a.grad is None


def test_an_inner_tensor_keeps_no_gradient_unasked():
    x = leaf(3)
    h = x * 2
    h.sum().backward()
    assert h.grad is None
    with pytest.raises(RuntimeError, match="retain_grad"):
        h.grad = np.ones(3)


# ----------------------------------------------------------------------------------------- grad modes


def recording():
    return modes.current.get().grad


def test_no_grad_and_enable_grad_nest():
    x = leaf(3)
    with ag.no_grad():
        assert not (x * 2).requires_grad
        with ag.enable_grad():
            assert (x * 2).requires_grad
            with ag.no_grad():
                assert not (x * 2).requires_grad
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_a_mode_object_is_reentrant():
    mode = ag.no_grad()
    with mode:
        with mode, ag.enable_grad():
            with mode:
                assert not recording()
            assert recording()
        assert not recording()
    assert recording()


def test_a_mode_ends_with_an_exception():
    for mode in (ag.no_grad, ag.higher_order):
        with pytest.raises(KeyError), mode():
            raise KeyError
    assert recording() and not modes.current.get().recipes


@pytest.mark.parametrize("decorate", [ag.no_grad, ag.no_grad()])
def test_modes_decorate_functions(decorate):
    @decorate
    def factorial(n):
        """doc"""
        assert not recording()
        return 1 if n == 0 else n * factorial(n - 1)

    assert factorial(5) == 120 and factorial.__doc__ == "doc" and factorial.__name__ == "factorial"
    assert recording()

    @decorate
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert recording()


def test_higher_order_decorates_too():
    @ag.higher_order
    def f(x):
        return np.tanh(x).sum()

    x = leaf(3)
    (g,) = ag.grad(f(x), x, create_graph=True)
    assert g.requires_grad and not modes.current.get().recipes


@pytest.mark.parametrize("decorate", [ag.no_grad, ag.no_grad()])
def test_a_decorated_generator_leaves_its_caller_alone(decorate):
    log = []

    @decorate
    def count(n):
        log.append(("start", recording()))
        try:
            for i in range(n):
                got = yield i
                log.append((got, recording()))
        except KeyError:
            log.append(("thrown", recording()))
            yield "caught"
        finally:
            log.append(("closed", recording()))
        return "done"

    steps = count(2)
    assert recording() and log == []
    assert next(steps) == 0 and recording()
    with ag.enable_grad():
        assert steps.send("hello") == 1 and recording()
    assert steps.throw(KeyError()) == "caught" and recording()
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "done" and recording()
    assert log == [("start", False), ("hello", False), ("thrown", False), ("closed", False)]

    log.clear()
    steps = count(2)
    next(steps)
    steps.close()
    assert log == [("start", False), ("closed", False)] and recording()
    with pytest.raises(StopIteration):
        next(steps)
    assert list(count(3)) == [0, 1, 2] and recording()


def test_two_decorated_generators_interleave():
    @ag.no_grad
    def off():
        for _ in range(3):
            yield recording()

    @ag.enable_grad
    def on():
        for _ in range(3):
            yield recording()

    with ag.no_grad():
        pairs = []
        for pair in zip(off(), on(), strict=True):
            pairs.append((*pair, recording()))
    assert pairs == [(False, True, False)] * 3
    assert recording()


def test_a_new_thread_records():
    found = {}

    def work(name):
        found[name, "before"] = recording()
        with ag.no_grad():
            barrier.wait()
            found[name, "inside"] = recording()
            barrier.wait()
        found[name, "after"] = recording()

    barrier = threading.Barrier(2)
    with ag.no_grad():
        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not recording()
    assert found == {(i, when): when != "inside" for i in range(2) for when in ("before", "inside", "after")}


def test_a_decorated_function_runs_in_two_threads_at_once():
    """One is under no_grad, begins first and ends first: each ends in the mode that it began in."""
    begun, inside, ended = (threading.Event() for _ in range(3))
    found = {}

    @ag.enable_grad
    def work(name):
        found[name, "inside"] = recording()
        if name == "first":
            begun.set()
            assert inside.wait(10)
        else:
            inside.set()
            assert ended.wait(10)

    def first():
        with ag.no_grad():
            work("first")
            found["first", "after"] = recording()
        ended.set()

    def second():
        assert begun.wait(10)
        work("second")
        found["second", "after"] = recording()

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {
        ("first", "inside"): True,
        ("second", "inside"): True,
        ("first", "after"): False,
        ("second", "after"): True,
    }
