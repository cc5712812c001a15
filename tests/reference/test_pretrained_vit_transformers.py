"""ViT built, initialised and saved by transformers: the same numbers here, and back."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from encoder_cases import VITS, images
from pretrained_pairs import close, quiet, theirs  # noqa: F401
from tapegrad.models import from_pretrained
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread", "quiet")
NAMES = {  # theirs in memory; files have ours
    "layers.": "encoder.layer.",
    ".q_proj.": ".attention.query.",
    ".k_proj.": ".attention.key.",
    ".v_proj.": ".attention.value.",
    ".o_proj.": ".output.dense.",
    ".mlp.fc1.": ".intermediate.dense.",
    ".mlp.fc2.": ".output.dense.",
}


@pytest.fixture(params=VITS)
def pair(request, tmp_path):
    """The model in transformers, what is loaded here of the folder that it saves, and what both read."""
    model = theirs(VITS[request.param])
    model.save_pretrained(tmp_path)
    return model, from_pretrained(tmp_path), images(VITS[request.param])


def outputs(model, own, pixels, **options):
    expected = list(model(torch.tensor(pixels), **options).values())
    found = own(pixels, **options)
    return list(zip(found if isinstance(found, tuple) else [found], expected, strict=True))


def test_outputs_loss_and_all_gradients(pair):
    model, own, pixels = pair
    losses = []
    for found, expected in outputs(model, own, pixels):
        assert found.dtype == np.float64
        close(found, expected)
        last = found.shape[-1]
        labels = np.arange(found.size // last) % last
        losses.append(
            (
                F.cross_entropy(found.reshape(-1, last), labels),
                torch.nn.functional.cross_entropy(expected.reshape(-1, last), torch.tensor(labels)),
            )
        )
    loss, their_loss = (sum(side) for side in zip(*losses, strict=True))
    loss.backward()
    their_loss.backward()
    close(loss, their_loss)
    found = {name: p.grad for name, p in own.named_parameters()}
    expected = {}
    for name, p in model.named_parameters():
        for their, ours in NAMES.items():
            name = name.replace(their, ours)
        expected[name if own.config.head else f"vit.{name}"] = p.grad.numpy()
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("size", [(12, 12), (20, 16), (8, 30)])
def test_other_sizes_by_positions_in_between(size, tmp_path):
    model = theirs(VITS["vit"])
    model.save_pretrained(tmp_path)
    own = from_pretrained(tmp_path)
    pixels = np.random.default_rng(1).normal(size=(2, 3, *size))
    for found, expected in outputs(model, own, pixels, interpolate_pos_encoding=True):
        close(found, expected)
    assert own(pixels.astype(np.float32), interpolate_pos_encoding=True).dtype == np.float64


def test_transformers_loads_what_is_saved_here(pair, tmp_path):
    model, own, pixels = pair
    own.save_pretrained(tmp_path / "again")
    back, info = type(model).from_pretrained(tmp_path / "again", output_loading_info=True)
    assert not any(info.values()), info
    for found, expected in outputs(back, own, pixels):
        close(found, expected)
    settings = json.loads((tmp_path / "config.json").read_text())
    ours = json.loads((tmp_path / "again" / "config.json").read_text())
    assert settings.items() <= ours.items()
