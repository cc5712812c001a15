"""nn.replay: random numbers are drawn as by the loss itself, or the loss is refused."""

import random

import numpy as np
import pytest

from replay_cases import Network, assert_same, batch, recordings, squares
from tapegrad import nn


class Skipping(Network):
    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    def forward(self, x):
        return super().forward(x) * (2 if self.training and self.draw() < 0.5 else 1)


class Noisy(Network):
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return super().forward(x) + self.rng.normal(size=2).astype(np.float32)


DRAWING = {
    "random": lambda: Skipping(random.random),
    "random.Random": lambda: Skipping(random.Random(0).random),
    "np.random": lambda: Skipping(np.random.rand),
    "default_rng": Noisy,
    "a generator's method": lambda: Skipping(np.random.default_rng(0).random),
    "RandomState": lambda: Skipping(np.random.RandomState(0).rand),
    "nn's generator": lambda: Skipping(nn.manual_seed(0).random),
}


@pytest.mark.parametrize("made", DRAWING.values(), ids=DRAWING)
def test_random_numbers_that_a_replay_would_not_draw_are_refused(made):
    """And as many of them are drawn as by the loss alone."""
    random.seed(0)
    np.random.seed(0)
    plain, model = made(), made()
    model.load_state_dict(plain.state_dict())
    batches = [batch() for _ in range(6)]

    def values(of, model):
        random.seed(1)
        np.random.seed(1)
        nn.manual_seed(1)
        return [of(model, *given).item() for given in batches]

    right = values(squares, plain)
    loss_of = nn.replay(model, squares)
    with pytest.warns(RuntimeWarning, match="draws"):
        assert values(lambda _, *given: loss_of(*given), model) == right
    assert not recordings(loss_of)
    model.eval()
    if type(model) is Skipping:
        assert_same(model, loss_of, squares, batches)
        assert recordings(loss_of)
