"""Models trained on texts of different lengths, padded on the right: replayed, and at plain positions."""

import warnings

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def loss_of(model, *batch):
    *inputs, target = batch
    logits = model(*inputs)
    return F.cross_entropy(logits.reshape(-1, 13), target.reshape(-1))


def batches(kind, count=20):
    """Of which some have no padding, some have a row without, and lengths change all the time."""
    rng = np.random.default_rng(0)
    for i in range(count):
        ids, target = rng.integers(0, 13, (2, 4, 9))
        lengths = np.full(4, 9) if i % 7 == 6 else rng.integers(1, 10, 4)
        mask = np.arange(9) < lengths[:, None]
        yield (ids, mask, target) if kind is GPT else (ids, np.roll(target, 1, 1), mask, target)


def made(kind):
    nn.manual_seed(0)
    if kind is GPT:
        return GPT(GPTConfig(13, block_size=9, d_model=16, nhead=2, num_layers=1))
    return Transformer(TransformerConfig(13, 9, 16, 2, 1, 1))


@pytest.mark.parametrize("kind", [GPT, Transformer], ids=lambda kind: kind.__name__)
def test_masks_are_replayed(kind):
    """Each batch with its own mask, and without the Python in between."""
    losses = []
    for replayed in (False, True):
        model = made(kind)
        calls = []
        model.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
        with (
            warnings.catch_warnings(),
            nn.parallel.replicate(model, optimizer, loss_of, workers=1, replay=replayed) as replicas,
        ):
            warnings.simplefilter("error")
            losses.append([replicas.step(*batch) for batch in batches(kind)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    assert len(calls) < 16


@pytest.mark.parametrize("kind", [GPT, Transformer], ids=lambda kind: kind.__name__)
def test_padding_on_the_right_looks_up_no_positions(kind, monkeypatch):
    """Numbers of tokens are those without padding then, whose vectors are a slice of the table."""
    from tapegrad.models.generation import layers

    looked_up = []
    before = layers.positions_of
    monkeypatch.setattr(layers, "positions_of", lambda *a: looked_up.append(a) or before(*a))
    model = made(kind)
    ids = np.arange(9)[None] + 1
    others = [] if kind is GPT else [np.array([[1, 2]])]
    right, left, inside = np.ones((3, 1, 9), int)
    right[0, 6:] = left[0, :3] = inside[0, 3:6] = 0
    model(ids, *others, right)
    assert not looked_up
    for mask in (left, inside):
        looked_up.clear()
        model(ids, *others, mask)
        assert len(looked_up) == 1


def test_padding_may_reach_beyond_the_last_position():
    """Texts that fit are read, however far they are padded; one that does not fit is refused."""
    model = made(GPT).eval()
    ids = np.arange(9)[None] + 1
    longer, mask = (np.pad(x, ((0, 0), (0, 4))) for x in (ids, np.ones_like(ids)))
    np.testing.assert_allclose(model(longer, mask).numpy()[:, :9], model(ids).numpy(), atol=1e-5)
    mask[0, 9] = 1
    with pytest.raises(ValueError, match="position 9 is beyond"):
        model(longer, mask)
