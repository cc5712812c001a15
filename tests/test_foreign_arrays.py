"""Arrays of another library, which are no ndarrays and refuse to become one, go through everything."""

from dataclasses import replace

import numpy as np
import pytest

from cases import CASES
from foreign import Foreign, abroad, native
from op_case import seeds_for
from tapegrad.autograd import engine


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_op_forward_and_backward(case):
    inputs = case.draw()
    tensors, outputs, _ = case.record(inputs)
    seeds = seeds_for(outputs)
    engine.walk([y.edge for y in outputs], seeds)

    attrs = {key: abroad(value) for key, value in case.attrs.items()}
    theirs, made, _ = replace(case, args=abroad(case.args), attrs=attrs).record(map(Foreign, inputs))
    engine.walk([y.edge for y in made], list(map(Foreign, seeds)))
    for ours, other in zip(outputs, made, strict=True):
        assert type(other.data) is Foreign
        np.testing.assert_allclose(native(other.data), ours.data, rtol=1e-11, atol=1e-13)
    for ours, other in zip(tensors, theirs, strict=True):
        assert type(other.grad) is Foreign
        np.testing.assert_allclose(native(other.grad), ours.grad, rtol=1e-10, atol=1e-12)
