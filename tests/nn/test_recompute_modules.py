"""autograd.checkpoint around modules: dropout, running statistics, replays, replicas, whole models."""

import threading
import tracemalloc
import warnings
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from parallel_cases import KINDS
from replay_cases import recordings
from tapegrad import nn
from tapegrad.autograd import Tensor, checkpoint
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F
from tapegrad.nn import parallel
from tapegrad.nn.utils import checkpoint_sequential, parametrizations

pytestmark = pytest.mark.usefixtures("one_blas_thread")
CONFIG = GPTConfig(11, block_size=6, d_model=8, nhead=2, num_layers=2, dropout=0.3)


def plain(fn, *args, **kwargs):
    return fn(*args, **kwargs)


class Chain(nn.Module):
    """Layers that draw, and that change arrays of their own; the middle ones perhaps checkpointed."""

    def __init__(self, run=plain, times=1):
        self.first = nn.Linear(3, 8)
        self.middle = nn.Sequential(
            nn.BatchNorm1d(8),
            nn.Dropout(0.5),
            parametrizations.spectral_norm(nn.Linear(8, 8)),
            nn.BatchNorm1d(8, momentum=None),
            nn.Tanh(),
        )
        self.last = nn.Linear(8, 2)
        self.run, self.times = run, times

    def forward(self, x):
        h = self.first(x)
        for _ in range(self.times):
            h = self.run(self.middle, h)
        return self.last(F.dropout(h, 0.5, self.training))


def squares(model, x, y):
    return ((model(x) - y) ** 2).mean()


def language(model, ids):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))


def trained(model, loss, batches, replayed=False):
    """All losses, and what the model and the generator are like after some steps."""
    nn.manual_seed(1)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    loss_of = nn.replay(model, loss) if replayed else lambda *batch: loss(model, *batch)
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        value = loss_of(*batch)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    state = {name: np.array(getattr(v, "data", v)) for name, v in model.state_dict().items()}
    return losses, state, nn.random.get_rng_state(), loss_of


def assert_same(a, b):
    assert a[0] == b[0] and a[2] == b[2]
    assert a[1].keys() == b[1].keys()
    for name, array in a[1].items():
        np.testing.assert_array_equal(array, b[1][name], err_msg=name)


def chain(run, times=1):
    nn.manual_seed(0)
    return Chain(run, times)


def batches(count=4):
    draw = np.random.default_rng(3).standard_normal
    return [(draw((6, 3), np.float32), draw((6, 2), np.float32)) for _ in range(count)]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("training", [True, False])
def test_dropout_running_statistics_and_power_iterations(times, training):
    """The same bits: masks repeat, BatchNorm and spectral norm move once, with the vectors of that call."""
    a, b = (chain(run, times).train(training) for run in (plain, checkpoint))
    assert_same(trained(a, squares, batches()), trained(b, squares, batches()))


def test_in_another_and_in_segments():
    def twice(fn, x):
        return checkpoint(lambda x: checkpoint(fn, x), x)

    def segments(fn, x):
        return checkpoint_sequential(fn, 2, x)

    expected = trained(chain(plain), squares, batches())
    for run in (twice, segments):
        assert_same(expected, trained(chain(run), squares, batches()))


@pytest.mark.parametrize("times", [1, 2])
def test_replay(times):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = trained(chain(checkpoint, times), squares, batches(12), replayed=True)
    assert len(recordings(found[3])) == 1
    expected = trained(chain(plain, times), squares, batches(12))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    assert found[2] == expected[2]


def test_replay_of_a_gpt():
    ids = [(np.random.default_rng(i).integers(0, 11, (3, 7)),) for i in range(12)]

    def model(on):
        nn.manual_seed(0)
        return GPT(replace(CONFIG, checkpoint=on))

    found = trained(model(True), language, ids, replayed=True)
    assert len(recordings(found[3])) == 1
    np.testing.assert_allclose(found[0], trained(model(False), language, ids)[0], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("replay", [False, True])
def test_replicas(kind, replay):
    results = []
    for on in (False, True):
        nn.manual_seed(0)
        model = GPT(replace(CONFIG, checkpoint=on)).double()
        optimizer = nn.optim.AdamW(model.parameters(), lr=1e-2)
        ids = [(np.random.default_rng(i).integers(0, 11, (4, 7)),) for i in range(4)]
        with parallel.replicate(model, optimizer, language, workers=2, kind=kind, replay=replay) as replicas:
            nn.manual_seed(2)
            results.append([replicas.step(*batch) for batch in ids])
    np.testing.assert_allclose(*results, rtol=1e-9)


def translation(model, source, target):
    return F.cross_entropy(model(source, target).reshape(-1, 11), target.reshape(-1))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_gpt_gives_the_same_bits(dropout):
    ids = [(np.random.default_rng(i).integers(0, 11, (3, 7)),) for i in range(3)]
    found = []
    for on in (False, True):
        nn.manual_seed(0)
        found.append(trained(GPT(replace(CONFIG, dropout=dropout, checkpoint=on)), language, ids))
    assert_same(*found)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_transformer_gives_the_same_bits(norm_first, dropout):
    texts = [(np.arange(14).reshape(2, 7) % 11, np.arange(10).reshape(2, 5) % 11)] * 3
    found = []
    for on in (False, True):
        nn.manual_seed(0)
        config = TransformerConfig(11, 8, 8, 2, dropout=dropout, norm_first=norm_first, checkpoint=on)
        found.append(trained(Transformer(config), translation, texts))
    assert_same(*found)


def test_blocks_are_checkpointed():
    nn.manual_seed(0)
    out = GPT(replace(CONFIG, checkpoint=True))(np.zeros((1, 4), int))
    names, edges = [], [out.edge]
    while edges:
        node = edges.pop()[0]
        names.append(node.name)
        edges += [e for e in node.edges[:1] if e is not None]
    assert names.count("checkpoint") == 2
    layer = nn.TransformerDecoderLayer(8, 2, 16)
    decoder = nn.TransformerDecoder(layer, 2)
    decoder.checkpoint = True
    assert decoder(np.zeros((3, 1, 8), "f"), np.zeros((2, 1, 8), "f")).edge[0].name == "checkpoint"


def test_self_attention_is_seen_as_such():
    attention = nn.MultiheadAttention(4, 2)
    x = Tensor(np.ones((5, 2, 4), "f"), requires_grad=True)
    out, weights = checkpoint(attention, x, key=x, value=x, need_weights=False)
    assert weights is None
    out.sum().backward()
    grad, x.grad = x.grad, None
    attention(x, x, x, need_weights=False)[0].sum().backward()
    np.testing.assert_array_equal(grad, x.grad)


def test_a_lazy_layer():
    layer, x = nn.LazyLinear(2), np.ones((4, 3), "f")
    checkpoint(layer, x).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, np.full((2, 3), 4))


def test_memory_of_a_gpt():
    peaks = []
    for on in (False, True):
        model = GPT(GPTConfig(11, 32, 32, 2, num_layers=8, checkpoint=on))
        ids = (np.zeros((8, 33), int),)
        language(model, *ids).backward()
        tracemalloc.start()
        language(model, *ids).backward()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 0.45 * peaks[0]


def test_backward_in_another_thread():
    nn.manual_seed(0)
    x = Tensor(np.ones(100), requires_grad=True)
    y = checkpoint(lambda x: F.dropout(np.exp(x), 0.5, True), x)
    thread = threading.Thread(target=y.sum().backward)
    thread.start()
    thread.join()
    np.testing.assert_array_equal(x.grad, y.data)


def test_eval_in_between_is_noticed():
    model = chain(checkpoint)
    loss = squares(model, *batches(1)[0])
    model.eval()
    with pytest.raises(RuntimeError, match="its second run, in backward, .* no switch of train or eval"):
        loss.backward()


def test_a_step_of_the_optimizer_in_between_is_noticed():
    model = chain(checkpoint)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    first, second = (checkpoint(model.middle, Tensor(np.ones((4, 8), "f"))).sum() for _ in range(2))
    first.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place after the forward pass"):
        second.backward()


def test_segments_refused():
    layers = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    for segments in (0, 3):
        with pytest.raises(ValueError, match=f"2 layers cannot be cut into {segments} segments"):
            checkpoint_sequential(layers, segments, np.ones((1, 2), "f"))


class Tied(nn.Module):
    """A weight that is computed when it is read, and kept in a call of this."""

    def __init__(self, run):
        self.weight = nn.Parameter(np.random.default_rng(0).standard_normal((3, 3)))
        parametrizations.weight_norm(self)
        self.run = run

    def forward(self, x):
        x = self.run(lambda x: np.tanh(x @ self.weight), x)
        return x @ self.weight


@pytest.mark.parametrize("lasting", [False, True])
def test_a_weight_computed_inside_and_outside(lasting):
    found = []
    for run in (plain, checkpoint):
        model = Tied(run)
        with nn.utils.parametrize.cached() if lasting else nullcontext():
            (model(Tensor(np.ones((2, 3)))) ** 2).sum().backward()
        found.append([p.grad for p in model.parameters()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
