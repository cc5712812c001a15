"""What users write: type checkers accept all of it, and know the types that assert_type names."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from typing_extensions import assert_type

import tapegrad
import tapegrad.autograd as ag
from tapegrad import Tensor, nn
from tapegrad.models import GPT, GPTConfig
from tapegrad.nn import functional as F

x = Tensor(np.ones((2, 3)), requires_grad=True)
assert_type(ag.special.softmax(x, axis=1), Tensor)
assert_type(ag.multiply(x, 2.0), Tensor)
assert_type(ag.exp(x), Tensor)
assert_type(ag.exp([1.0, 2.0]), Tensor)
assert_type(ag.split(x, 2), list[Tensor])
assert_type(ag.einsum("ij,kj->ik", x, x), Tensor)
assert_type(ag.clip(x, 0, a_max=1), Tensor)
assert_type(ag.sum(x, axis=(0, 1), keepdims=True), Tensor)
assert_type(x + 1, Tensor)
assert_type(2 / x, Tensor)
assert_type(x @ x.T, Tensor)
assert_type(x[0, 1:], Tensor)
assert_type(x.sum(axis=0).reshape(3, 1), Tensor)
assert_type(x < 0, Tensor)
assert_type(x.shape, tuple[int, ...])
assert_type(x.item(), float)
assert_type(x.numpy(), np.ndarray)
(gradient,) = ag.grad(x.sum(), x)
assert_type(gradient, Tensor | None)
assert_type(F.cross_entropy(x, [0, 1]), Tensor)
assert_type(F.gelu(x, "tanh"), Tensor)
assert_type(tapegrad.__version__, str)

model = nn.Sequential(nn.Linear(3, 4), nn.GELU(), tapegrad.nn.Linear(4, 2, bias=False))
optimizer = nn.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
loss = F.cross_entropy(model(x), np.array([0, 1]))
loss.backward()
nn.utils.clip_grad_norm_(model.parameters(), 1.0)
optimizer.step()
schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
schedule.step()
assert_type(schedule.get_last_lr(), list[float])
averaged = nn.optim.swa_utils.AveragedModel(model, multi_avg_fn=nn.optim.swa_utils.get_ema_multi_avg_fn(0.99))
averaged.update_parameters(model)
gpt = GPT(GPTConfig(vocab_size=5))
assert_type(gpt.generate([0, 1], 5, top_k=3), Iterator[int])
assert_type(gpt.generate([[0, 1], [2]], 5, num_beams=2), Iterator[np.ndarray])
assert_type(gpt.generate([0, 1], 5, log_probabilities=True, seed=0), Iterator[tuple[Any, Any]])
assert_type(nn.init.xavier_uniform_(gpt.head.weight, gain=2.0), Tensor)
nn.save("model.safetensors", model=gpt, step=3)
nn.save_weights("weights.safetensors", gpt, {"epoch": "3"})
weights = nn.load_weights("weights.safetensors", dtype=np.float32)
model.load_state_dict(weights.renamed(lambda name: name.removeprefix("model.")), assign=True)
with nn.utils.no_init():
    assert_type(nn.Parameter.empty((2, 3)), nn.Parameter)


@ag.no_grad
def evaluate(value: Tensor) -> float:
    with ag.enable_grad():
        return value.item()


assert_type(evaluate(x), float)


@ag.op
def plain(a, b):
    return a * b, lambda g: (g * b, g * a)


@ag.op(inputs=1)
def typed(a: Tensor, power: int = 2) -> Any:
    return a**power, lambda g: (g * power * a ** (power - 1),)


assert_type(typed(x, power=3), Tensor)
plain(x, 2.0)
cube = ag.elementwise(lambda a: a * a * a, slope=lambda x: 3 * x * x, name="cube")
assert_type(cube(x), Tensor)
