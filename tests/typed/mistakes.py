"""What users get wrong: a type checker refuses each line marked so."""

import tapegrad
import tapegrad.autograd as ag
from tapegrad import Tensor, nn
from tapegrad.models import GPT, GPTConfig
from tapegrad.nn import functional as F

x = Tensor([1.0])
ag.special.softmax(x, axos=1)  # refused
ag.sum(x, dim=1)  # refused
ag.sofmax(x)  # refused
tapegrad.optim  # noqa: B018  # refused
x.view(3)  # refused
x.sum(dim=0)  # refused
x.sum(axis="rows")  # refused
ag.exp()  # refused
ag.multiply(x)  # refused
ag.multiply(x, x, needs=(True, True))  # refused
ag.split(x, 2).sum()  # refused
ag.special.softmax(object())  # refused
F.gelu(x, approximation="tanh")  # refused
F.linear(x)  # refused
nn.Linear(3)  # refused
nn.optim.AdamW([x], learning_rate=0.1)  # refused
x.requires_gradient = True  # refused
F.multi_head_attention(x, heads=2)  # refused
nn.init.normal_(x, stddev=0.02)  # refused
nn.Linear(3, 4, dtype=object())  # refused
GPT(GPTConfig(vocab_size=5)).generate([0], 5, temprature=0.5)  # refused
GPT(GPTConfig(vocab_size=5)).generate([0], 5, num_beams="4")  # refused
