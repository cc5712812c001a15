"""The generators of the models, one text at a time."""

import itertools

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor, enable_grad, no_grad
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig


@pytest.fixture
def model():
    nn.manual_seed(0)
    model = GPT(GPTConfig(11, block_size=8, d_model=16, nhead=2, num_layers=1))
    model.tokens.weight.data *= 5  # so that it has preferences
    return model.eval()


@pytest.fixture
def translator():
    nn.manual_seed(0)
    model = Transformer(TransformerConfig(11, 8, 16, 2, 1, 1))
    model.tokens.weight.data *= 5
    return model.eval()


# ---------------------------------------------------------------------------------- texts


def test_greedy_generation_takes_the_most_likely_token_each_time(model):
    text = [3, 1, 4]
    for _ in range(12):  # also when the text is longer than what the model sees
        logits = model(np.array([text[-8:]])).numpy()
        text.append(int(logits[0, -1].argmax()))
    assert list(model.generate([3, 1, 4], 12, temperature=0)) == text[3:]
    assert list(model.generate(np.array([3, 1, 4]), 12, top_k=1)) == text[3:]
    assert all(type(token) is int for token in model.generate([3], 3))
    assert list(model.generate([3], 0)) == []


def test_greedy_translation_takes_the_most_likely_token_each_time(translator):
    text = [0]
    for _ in range(7):
        text.append(int(translator([[5, 6, 7]], [text]).numpy()[0, -1].argmax()))
    given = list(translator.generate([5, 6, 7], [0], 7, temperature=0))
    assert given == text[1:]
    stop = given[2]
    short = list(translator.generate([5, 6, 7], [0], 7, temperature=0, stop=stop))
    assert short == given[: given.index(stop) + 1]


def test_sampling_repeats_with_a_seed(model, translator):
    def run(**options):
        a = list(model.generate([1], 20, top_p=0.95, **options))
        return a, list(translator.generate([1, 2], [0], 7, top_p=0.95, **options))

    nn.manual_seed(4)
    first = run()
    assert run() != first
    nn.manual_seed(4)
    assert run() == first
    again = [run(rng=np.random.default_rng(4)) for _ in range(2)]
    assert again[0] == again[1]
    nn.manual_seed(4)
    run(rng=np.random.default_rng(4))
    assert run() == first  # a generator of one's own leaves the common one alone


@pytest.mark.parametrize("recording", [True, False])
def test_the_callers_grad_mode_and_the_models_mode_are_left_alone(model, translator, recording):
    x = Tensor(np.ones(1), requires_grad=True)
    model.train()
    with (enable_grad if recording else no_grad)():
        for tokens in (model.generate([1], 5), translator.generate([1], [0], 5)):
            for _ in itertools.islice(tokens, 3):
                assert (x * 2).requires_grad == recording
            tokens.close()
            assert (x * 2).requires_grad == recording
    assert model.training and not translator.training


def test_each_token_is_read_once_until_the_text_is_longer_than_what_fits(model):
    calls = []
    model.tokens.register_forward_pre_hook(lambda module, args: calls.append(args[0].tolist()))
    tokens = model.generate([1, 2, 3, 4, 5, 6], 5)
    assert calls == []
    text = [1, 2, 3, 4, 5, 6, next(tokens)]
    assert len(calls) == 1
    text += tokens
    assert calls == [[text[:6]], [text[6:7]], [text[7:8]], [text[1:9]], [text[2:10]]]


def test_without_a_cache_all_of_the_last_ones_that_fit_are_read_for_each_token(model):
    calls = []
    model.tokens.register_forward_pre_hook(lambda module, args: calls.append(args[0].tolist()))
    text = [1, 2, 3, 4, 5, 6, *model.generate([1, 2, 3, 4, 5, 6], 5, use_cache=False)]
    assert calls == [[text[max(0, n - 8) : n]] for n in range(6, 11)]


def test_no_graph_is_recorded(model, translator):
    recorded = []
    for head in (model.head, translator.head):
        head.register_forward_hook(lambda module, args, output: recorded.append(output.requires_grad))
    list(model.generate([1], 2))
    list(translator.generate([1], [0], 2))
    assert recorded == [False] * 4
