"""GPT built from torch's layers with the same weights: logits, gradients, and training steps."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import compare_gradients
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F
from tapegrad.nn.utils import clip_grad_norm_

V, T = 13, 10
CONFIG = GPTConfig(V, block_size=T, d_model=24, nhead=3, num_layers=2)


class TorchBlock(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c.dim_feedforward or 4 * c.d_model
        self.norm1 = torch.nn.LayerNorm(c.d_model, bias=c.bias)
        self.attn = torch.nn.MultiheadAttention(c.d_model, c.nhead, bias=c.bias, batch_first=True)
        self.norm2 = torch.nn.LayerNorm(c.d_model, bias=c.bias)
        self.linear1 = torch.nn.Linear(c.d_model, width, bias=c.bias)
        self.linear2 = torch.nn.Linear(width, c.d_model, bias=c.bias)

    def forward(self, x):
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.linear2(torch.nn.functional.gelu(self.linear1(self.norm2(x)), approximate="tanh"))


class TorchGPT(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.tokens = torch.nn.Embedding(c.vocab_size, c.d_model)
        self.positions = torch.nn.Embedding(c.block_size, c.d_model)
        self.blocks = torch.nn.ModuleList(TorchBlock(c) for _ in range(c.num_layers))
        self.norm = torch.nn.LayerNorm(c.d_model, bias=c.bias)
        self.head = torch.nn.Linear(c.d_model, c.vocab_size, bias=False)
        if c.tie_weights:
            self.head.weight = self.tokens.weight

    def forward(self, ids):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class TorchTransformer(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.tokens = torch.nn.Embedding(c.vocab_size, c.d_model)
        self.source_positions = torch.nn.Embedding(c.block_size, c.d_model)
        self.target_positions = torch.nn.Embedding(c.block_size, c.d_model)
        layers = (c.d_model, c.nhead, c.num_encoder_layers, c.num_decoder_layers, 4 * c.d_model, 0.0)
        options = {"batch_first": True, "norm_first": c.norm_first}
        self.transformer = torch.nn.Transformer(*layers, gelu_tanh, **options)
        self.head = torch.nn.Linear(c.d_model, c.vocab_size, bias=False)
        self.scale = c.d_model**0.5 if c.tie_weights else 1
        if c.tie_weights:
            self.head.weight = self.tokens.weight

    def forward(self, source, target):
        x = self.scale * self.tokens(source) + self.source_positions(torch.arange(source.shape[1]))
        y = self.scale * self.tokens(target) + self.target_positions(torch.arange(target.shape[1]))
        mask = torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).triu(1)
        return self.head(self.transformer(x, y, tgt_mask=mask))


def gelu_tanh(x):
    return torch.nn.functional.gelu(x, approximate="tanh")


def pair(kind, torch_kind, config, dtype):
    """The model here and in torch with the weights that this one drew, made larger where they are tiny."""
    nn.manual_seed(0)
    ours = kind(config)
    for p in ours.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=0.2)
    ours = ours.double() if dtype == np.float64 else ours
    theirs = torch_kind(config).to(torch.float64 if dtype == np.float64 else torch.float32)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    assert sorted(theirs.state_dict()) == sorted(ours.state_dict())
    return ours, theirs


def both_losses(ours, theirs, inputs, target):
    logits = ours(*inputs)
    torch_logits = theirs(*map(torch.tensor, inputs))
    loss = F.cross_entropy(logits.reshape(-1, V), target.reshape(-1))
    targets = torch.tensor(target).reshape(-1)
    torch_loss = torch.nn.functional.cross_entropy(torch_logits.reshape(-1, V), targets)
    return logits, torch_logits, loss, torch_loss


OPTIONS = [{}, {"tie_weights": False}, {"bias": False}, {"dim_feedforward": 7}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gpt_logits_loss_and_gradients(options):
    config = GPTConfig(**vars(CONFIG) | options)
    ours, theirs = pair(GPT, TorchGPT, config, np.float64)
    rng = np.random.default_rng(0)
    for length in (T, 3):
        ids = rng.integers(0, V, (4, length + 1))
        logits, torch_logits, loss, torch_loss = both_losses(ours, theirs, [ids[:, :-1]], ids[:, 1:])
        np.testing.assert_allclose(logits.numpy(), torch_logits.detach().numpy(), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(loss.item(), torch_loss.item(), rtol=1e-12)
        loss.backward()
        torch_loss.backward()
    compare_gradients(ours, theirs)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # by torch itself
def test_products_with_the_hessian_of_a_gpt():
    ours, theirs = pair(GPT, TorchGPT, CONFIG, np.float64)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, V, (2, T + 1))
    x, y = ids[:, :-1], ids[:, 1:].reshape(-1)
    p = {name: q.data.copy() for name, q in ours.named_parameters()}
    v = {name: rng.normal(size=q.shape) for name, q in p.items()}
    product = ag.hvp(lambda p: F.cross_entropy(nn.functional_call(ours, p, x).reshape(-1, V), y), (p,), (v,))
    q = [r for _, r in theirs.named_parameters()]
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # which has second derivatives
        logits = theirs(torch.tensor(x))
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, V), torch.tensor(y))
    slopes = torch.autograd.grad(loss, q, create_graph=True)
    along = sum((s * torch.tensor(v[name])).sum() for name, s in zip(p, slopes, strict=True))
    for name, expected in zip(p, torch.autograd.grad(along, q, materialize_grads=True), strict=True):
        np.testing.assert_allclose(product[name], expected.numpy(), rtol=1e-6, atol=1e-10)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("tie_weights", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_logits_loss_and_gradients(norm_first, tie_weights):
    config = TransformerConfig(V, T, 24, 3, 2, 1, norm_first=norm_first, tie_weights=tie_weights)
    ours, theirs = pair(Transformer, TorchTransformer, config, np.float64)
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, V, (4, T)), rng.integers(0, V, (4, 7))
    inputs = [source, target[:, :-1]]
    logits, torch_logits, loss, torch_loss = both_losses(ours, theirs, inputs, target[:, 1:])
    np.testing.assert_allclose(logits.numpy(), torch_logits.detach().numpy(), rtol=1e-9, atol=1e-11)
    loss.backward()
    torch_loss.backward()
    compare_gradients(ours, theirs)


def groups(model):
    """Decay for matrices only."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    return [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_training_takes_the_same_steps(dtype, tolerance):
    """AdamW with two groups, clipping and a schedule: the same losses, norms and weights.

    No weights in float32: the gradient of a key's bias is 0, and Adam makes steps of its rounding.
    """
    ours, theirs = pair(GPT, TorchGPT, CONFIG, dtype)
    options = {"lr": 3e-3, "betas": (0.9, 0.95)}
    optimizer = nn.optim.AdamW(groups(ours), **options)
    torch_optimizer = torch.optim.AdamW(groups(theirs), **options)
    rng = np.random.default_rng(0)
    for step in range(20):
        for group in (*optimizer.param_groups, *torch_optimizer.param_groups):
            group["lr"] = 3e-3 * min(1, (step + 1) / 5)
        ids = rng.integers(0, V, (4, T + 1))
        _, _, loss, torch_loss = both_losses(ours, theirs, [ids[:, :-1]], ids[:, 1:])
        np.testing.assert_allclose(loss.item(), torch_loss.item(), rtol=tolerance)
        optimizer.zero_grad()
        torch_optimizer.zero_grad()
        loss.backward()
        torch_loss.backward()
        norm = clip_grad_norm_(ours.parameters(), 1.0)
        torch_norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        np.testing.assert_allclose(norm, torch_norm.item(), rtol=10 * tolerance)
        optimizer.step()
        torch_optimizer.step()
    for name, array in theirs.state_dict().items():
        if dtype == np.float64:
            np.testing.assert_allclose(ours.state_dict()[name], array.numpy(), rtol=0, atol=1e-8)
