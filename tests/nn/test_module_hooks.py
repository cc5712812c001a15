"""Hooks on gradients of modules, and the handles that remove hooks of all kinds."""

import gc
import weakref

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor


def linear(weight):
    layer = nn.Linear(len(weight[0]), len(weight), bias=False, dtype=np.float64)
    layer.weight.data[...] = weight
    return layer


KINDS = ["forward", "forward_pre", "full_backward", "full_backward_pre"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_handle_removes_a_hook_of_any_kind(kind):
    layer, calls = linear([[2.0]]), []
    register = getattr(layer, f"register_{kind}_hook")

    def run():
        layer(Tensor([[1.0]], requires_grad=True)).sum().backward()

    handle = register(lambda *_: calls.append(1))
    run()
    handle.remove()
    handle.remove()  # once more does no harm
    run()
    with register(lambda *_: calls.append(2)):
        run()
    run()
    assert calls == [1, 2]


def test_a_handle_of_a_tensor_is_a_context_manager():
    x, seen = Tensor([1.0], requires_grad=True), []
    with x.register_hook(lambda g: seen.append(g.copy())):
        (x * 2).sum().backward()
    (x * 3).sum().backward()
    np.testing.assert_array_equal(seen, [[2.0]])


def test_backward_hooks_see_gradients_of_inputs_and_outputs():
    layer, seen = linear([[2.0, 3.0]]), []
    layer.register_full_backward_hook(lambda *given: seen.append(given))
    x = Tensor([[1.0, 1.0]], requires_grad=True)
    (layer(x) * 5).sum().backward()
    ((module, grad_input, grad_output),) = seen
    assert module is layer
    np.testing.assert_array_equal(grad_input, [[[10.0, 15.0]]])
    np.testing.assert_array_equal(grad_output, [[[5.0]]])
    np.testing.assert_array_equal(x.grad, [[10.0, 15.0]])
    for g in (*grad_input, *grad_output):
        with pytest.raises(ValueError, match="read-only"):
            g += 1


def test_backward_hooks_replace_gradients():
    layer = linear([[2.0]])
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,))
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: grad_input[0] + grad_output[0])
    x = Tensor([[1.0]], requires_grad=True)
    layer(x).sum().backward()
    assert x.grad == 10 * 2 + 10 and layer.weight.grad == 10


def test_what_a_hook_keeps_is_not_written_to():
    kept = np.array([[7.0]])
    layer = linear([[2.0]])
    layer.register_full_backward_hook(lambda *_: (kept,))
    x = Tensor([[1.0]], requires_grad=True)
    layer(x).sum().backward()
    assert x.grad == 7 and not np.shares_memory(x.grad, kept)
    (layer(x) + layer(x) + x).sum().backward()
    assert x.grad == 22 and kept == 7


def test_backward_hooks_without_a_gradient_of_the_input():
    layer, seen = linear([[2.0]]), []
    layer.register_full_backward_hook(lambda module, *given: seen.append(given))
    layer(np.ones((1, 1))).sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_input == (None,) and grad_output[0] == 1 and layer.weight.grad == 1
    with ag.no_grad():
        layer(np.ones((1, 1)))
    assert len(seen) == 1


class Two(nn.Module):
    def forward(self, x, name, y):
        return x * y, name, x + 1


def test_backward_hooks_of_several_inputs_and_outputs():
    net, seen = Two(), []
    net.register_full_backward_hook(lambda module, *given: seen.append(given))
    x, y = (Tensor(value, requires_grad=True) for value in (3.0, 5.0))
    product, name, more = net(x, "name", y)
    assert name == "name"
    product.backward()
    grad_input, grad_output = seen[0]
    assert grad_input == (5.0, None, 3.0) and grad_output[1:] == (None, None) and grad_output[0] == 1
    net.register_full_backward_hook(lambda *_: (1.0, 2.0))
    with pytest.raises(ValueError, match="a hook on Two gave 2 gradients for grad_input, which has 3"):
        net(x, "name", y)[0].backward()


def test_backward_hooks_are_differentiable():
    layer = linear([[2.0]])
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 3,))
    x = Tensor([[1.5]], requires_grad=True)
    with ag.higher_order():
        y = (layer(x) ** 3).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    assert g.numpy() == 3 * 3 * 3**2 * 2
    (gg,) = ag.grad(g.sum(), x)
    assert gg.numpy() == 3 * 3 * (6 * 3 * 2 * 2)


def test_a_hooked_module_is_freed_without_gc():
    gc.disable()
    try:
        layer = linear([[2.0]])
        handle = layer.register_full_backward_hook(lambda *_: None)
        y = layer(Tensor([[1.0]], requires_grad=True)).sum()
        y.backward()
        gone = weakref.ref(layer)
        del layer, y
        assert gone() is None
        handle.remove()
    finally:
        gc.enable()


def test_hooks_before_others_and_with_keyword_arguments():
    layer, seen = linear([[2.0]]), []
    layer.register_forward_pre_hook(lambda module, args: seen.append("a"))
    layer.register_forward_pre_hook(lambda module, args: seen.append("b"), prepend=True)

    def doubled(module, args, kwargs):
        return args, {"input": kwargs["input"] * 2}

    layer.register_forward_pre_hook(doubled, with_kwargs=True)
    layer.register_forward_hook(lambda module, args, kwargs, out: out + kwargs["input"], with_kwargs=True)
    layer.register_forward_hook(lambda module, args, out: seen.append(out.item()), prepend=True)
    assert layer(input=np.array([[3.0]])).item() == 12 + 6 and seen == ["b", "a", 12.0]
    layer.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"with_kwargs gives None or \(args, kwargs\), not \(\)"):
        layer(input=np.array([[3.0]]))


@pytest.mark.parametrize("kind", ["full_backward", "full_backward_pre"])
def test_backward_hooks_before_others(kind):
    layer, seen = linear([[2.0]]), []
    register = getattr(layer, f"register_{kind}_hook")
    register(lambda *_: seen.append(1))
    register(lambda *_: seen.append(2), prepend=True)
    layer(Tensor([[1.0]], requires_grad=True)).sum().backward()
    assert seen == [2, 1]


def test_a_hook_that_is_always_called():
    layer, seen = linear([[2.0]]), []
    layer.register_forward_hook(lambda module, args, out: seen.append(out), always_call=True)
    layer.register_forward_hook(lambda module, args, out: seen.append("never"))
    with pytest.raises(ValueError, match="has 2 features"):
        layer(np.ones((1, 2)))
    assert seen == [None]

    def fails(module, args, out):
        raise KeyError("hook")

    layer.register_forward_hook(fails, always_call=True)
    with pytest.warns(RuntimeWarning, match="a hook of Linear raised KeyError"), pytest.raises(ValueError):
        layer(np.ones((1, 2)))
    with pytest.raises(KeyError):  # here it is the error itself, and is not called again
        layer(np.ones((1, 1)))


def test_a_tensor_of_one_element_is_formatted_as_a_number():
    assert f"{Tensor([[1.23456]]):.3f}" == "1.235" and f"{Tensor(2.0):.1f}" == "2.0"
    assert f"{Tensor([[1.5]])}" == "Tensor([[1.5]])"
    with pytest.raises(TypeError, match=r"'.3f' formats one number, not a Tensor of shape \(2,\)"):
        f"{Tensor([1.0, 2.0]):.3f}"
