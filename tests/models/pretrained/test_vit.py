"""ViT: patches, positions in between, bad input."""

import numpy as np
import pytest

from encoder_cases import VITS, images, model_of
from tapegrad.autograd import no_grad

pytestmark = pytest.mark.usefixtures("one_blas_thread")
PIXELS = images(VITS["vit"])


@no_grad
def test_patches_enter_row_by_row_after_the_class_token():
    model = model_of(VITS["vit-oblong"])
    embeddings, pixels = model.vit.embeddings, images(VITS["vit-oblong"])
    x = embeddings(pixels).numpy()
    part = embeddings.patch_embeddings.projection
    patch = pixels[1, :, 3:6, 8:12]  # second row, third column, of three
    expected = np.tensordot(part.weight.data, patch, 3) + part.bias.data
    np.testing.assert_allclose(x[1, 1 + 5], expected + embeddings.position_embeddings.data[0, 6], rtol=1e-12)
    token = embeddings.cls_token.data[0, 0] + embeddings.position_embeddings.data[0, 0]
    np.testing.assert_allclose(x[:, 0], [token, token], rtol=1e-12)
    assert x.shape == (2, 10, 12)


@no_grad
def test_the_label_is_that_of_the_class_token():
    model = model_of(VITS["vit"])
    first = model.hidden(PIXELS)[:, 0]
    np.testing.assert_array_equal(model.classifier(first).numpy(), model(PIXELS).numpy())


@no_grad
def test_positions_in_between_are_those_learned_for_the_size_itself():
    model = model_of(VITS["vit"])
    expected = model(PIXELS).numpy()
    np.testing.assert_array_equal(model(PIXELS, interpolate_pos_encoding=True).numpy(), expected)


@no_grad
def test_pixels_have_the_dtype_of_the_weights():
    model = model_of(VITS["vit"]).float()
    assert model(PIXELS).dtype == np.float32
    np.testing.assert_array_equal(model(PIXELS).numpy(), model(PIXELS.astype(np.float32)).numpy())


@no_grad
def test_pixels_of_another_library():
    """torch's tensors too: NumPy can make arrays of them, but their dtype is none of NumPy's."""

    class Foreign:
        dtype, shape = "theirs.float32", PIXELS.shape

        def __array__(self, dtype=None, copy=None):
            return PIXELS.astype(np.float32)

    model = model_of(VITS["vit"])
    expected = model(PIXELS.astype(np.float32)).numpy()
    np.testing.assert_array_equal(model(Foreign()).numpy(), expected)
    np.testing.assert_array_equal(model(PIXELS.astype(np.float32).tolist()).numpy(), expected)


@pytest.mark.parametrize(
    "pixels, between, error, words",
    [
        (PIXELS[..., :11], False, ValueError, "ViT: images of 12 x 11 pixels, but the model reads 12 x 12"),
        (np.zeros((1, 3, 16, 12)), False, ValueError, "images of 16 x 12 .*interpolate_pos_encoding=True"),
        (
            PIXELS[:, :1],
            False,
            ValueError,
            r"pixels of shape \(2, 1, 12, 12\), expected \(batch, 3, 12, 12\)",
        ),
        (PIXELS[0], False, ValueError, r"pixels of shape \(3, 12, 12\)"),
        (PIXELS.transpose(0, 2, 3, 1), False, ValueError, r"pixels of shape \(2, 12, 12, 3\)"),
        (PIXELS[:, :, :3], True, ValueError, r"pixels of shape \(2, 3, 3, 12\)"),
        (PIXELS.astype(np.uint8), False, TypeError, "pixels are to be floats, .*not uint8"),
    ],
)
def test_input_that_does_not_fit(pixels, between, error, words):
    with pytest.raises(error, match=words):
        model_of(VITS["vit"])(pixels, interpolate_pos_encoding=between)
