"""The layers and networks that benchmarks.layers measures: the same here and in PyTorch, step for step."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(
    str(Path(__file__).resolve().parents[2])
)  # at the end: its folders have other projects' names

from benchmarks import networks
from tapegrad import nn

SMALL = {name: layer for name, layer in networks.LAYERS.items() if "512" not in name and "6, 256" not in name}


@pytest.mark.parametrize("name", SMALL)
def test_a_step_of_a_layer(name):
    with networks.tapegrad_layer(name) as step:
        step()


def test_networks_are_those_of_the_papers():
    nn.manual_seed(0)
    model = networks.resnet(nn, nn.functional)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(convolutions) == 19  # and one linear layer
    assert sum(p.size for p in model.parameters()) == 272_474
    assert model(np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 10)
    for network in networks.NETWORKS:
        batches = networks.batches(network, 2)
        assert len(batches) == 2 and not np.array_equal(batches[0][0], batches[1][0])


def test_a_training_step():
    with networks.tapegrad_training("MLP") as step:
        losses = [step() for _ in range(9)]
    assert losses[8] < losses[0]
