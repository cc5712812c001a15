"""The advice of errors about PyTorch's words, followed to the letter."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor, dialect
from tapegrad.nn import functional as F

SPELLINGS = {word: spelling for word, spelling in dialect.WORDS.items() if spelling} | dialect.METHODS


def names():
    """What the spellings speak of."""
    x, y = (Tensor(np.arange(1.0, 7.0).reshape(2, 3) + i) for i in range(2))
    index, indices = np.array([1, 0]), np.array([[2, 0], [0, 1]])
    given = {
        "x": x,
        "y": y,
        "xs": [x, y],
        "np": np,
        "ag": ag,
        "F": F,
        "nn": nn,
        "array": np.ones(3),
        "index": index,
    }
    given |= {"axis": 1, "axes": (1, 0), "shape": (1, 2, 3), "dtype": np.float32, "n": 4, "sections": 3}
    given |= {"indices": indices, "mask": x > 2, "value": 0.5, "low": 2, "high": 4, "alpha": 2, "beta": 0.5}
    v, m, s = Tensor([1.0, 2.0]), Tensor([[2.0, 0.5], [0.5, 1.0]]), Tensor(np.ones((3, 2, 2)))
    return given | {
        "v": v,
        "w": v + 1,
        "m": m,
        "c": m + 1,
        "s": s,
        "t": s + 1,
        "start": 0,
        "length": 1,
        "k": 2,
    }


@pytest.mark.parametrize("word", SPELLINGS)
@np.errstate(all="ignore")  # of numbers that a function is not made for
def test_the_advice_works_as_it_stands(word):
    exec(SPELLINGS[word], names() | {"x": names()["x"] * 1})


@pytest.mark.parametrize("word", dialect.WORDS)
def test_the_word_itself_is_not_known_or_is_another_thing(word):
    home = Tensor([1.0]) if hasattr(ag, word) else ag  # np.matmul, and the file tensor.py
    with pytest.raises(AttributeError, match="instead: |nothing to do") as caught:
        getattr(home, word)
    assert dialect.WORDS[word] is None or dialect.WORDS[word] in str(caught.value)


@pytest.mark.parametrize("word", dialect.METHODS)
def test_a_method_of_pytorch_is_told_what_to_write(word):
    with pytest.raises(AttributeError) as caught:
        getattr(nn.Parameter(np.ones(2)), word)
    assert str(caught.value).endswith(f"instead: {dialect.METHODS[word]}")


def test_misspelled_words_are_shown_their_neighbours():
    with pytest.raises(AttributeError, match="nearest: .*transpose"):
        Tensor([1.0]).tranpose()
    with pytest.raises(AttributeError, match="nearest: .*concatenate"):
        ag.concatenat  # noqa: B018


@pytest.mark.parametrize("word, here", [("dim", "axis"), ("dims", "axis"), ("keepdim", "keepdims")])
def test_keywords_of_pytorch_are_told_numpys(word, here):
    x = Tensor(np.ones((2, 3)))
    value = {"axis": 1, "keepdims": True}[here]
    with pytest.raises(TypeError, match=f"{word}= is {here}="):
        ag.var(x, **{word: value})
    ag.var(x, **{here: value})


def test_the_advice_about_functions_that_are_not_there():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"np\.roots has no gradient here.* pass it \.detach\(\)ed"):
        np.roots(x)
    with pytest.raises(TypeError, match=r"np\.fft\.fft has no gradient here"):
        np.fft.fft(x)
    assert np.roots(x.detach()).item() == -2
    with ag.no_grad():
        assert np.roots(x).item() == -2
