"""Tiny encoders of every kind of setting: what config.json says of each, and what they read."""

import numpy as np

from decoder_cases import weights
from tapegrad import models
from tapegrad.models import pretrained

BERT = {
    "model_type": "bert",
    "vocab_size": 23,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
    "type_vocab_size": 3,
}
ROBERTA = {**BERT, "model_type": "roberta", "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
LABELS = {"id2label": {"0": "no", "1": "perhaps", "2": "yes"}}


def head(settings, name, **more):
    return {**settings, "architectures": [name], **more}


BERTS = {
    "bert": head(BERT, "BertModel"),
    "bert-masked": head(BERT, "BertForMaskedLM", hidden_act="gelu_new", layer_norm_eps=1e-3),
    "bert-untied": head(BERT, "BertForMaskedLM", tie_word_embeddings=False, pad_token_id=3),
    "bert-text": head(BERT, "BertForSequenceClassification", **LABELS),
    "bert-token": head(BERT, "BertForTokenClassification", hidden_act="relu"),
    "roberta": head(ROBERTA, "RobertaModel"),
    "roberta-masked": head(ROBERTA, "RobertaForMaskedLM", pad_token_id=2),
    "roberta-untied": head(ROBERTA, "RobertaForMaskedLM", tie_word_embeddings=False),
    "roberta-text": head(ROBERTA, "RobertaForSequenceClassification", type_vocab_size=1),
    "roberta-token": head(ROBERTA, "RobertaForTokenClassification", **LABELS),
    "xlm-roberta": head(ROBERTA, "XLMRobertaForSequenceClassification", model_type="xlm-roberta", **LABELS),
}
T5 = {
    "model_type": "t5",
    "vocab_size": 23,
    "d_model": 12,
    "d_kv": 5,
    "d_ff": 20,
    "num_layers": 2,
    "num_heads": 3,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 20,
}
T5S = {
    "t5": T5,
    "t5-gated": {**T5, "feed_forward_proj": "gated-gelu", "scale_decoder_outputs": False},
    "t5-silu": {**T5, "feed_forward_proj": "gated-silu", "num_decoder_layers": 3, "layer_norm_epsilon": 1e-2},
    "t5-gelu": {**T5, "feed_forward_proj": "gelu", "decoder_start_token_id": 4},
    "t5-untied": {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "mt5": {**T5, "model_type": "mt5", "feed_forward_proj": "gated-gelu"},
}
VIT = {
    "model_type": "vit",
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "image_size": 12,
    "patch_size": 4,
}
VITS = {
    "vit": head(VIT, "ViTForImageClassification", **LABELS),
    "vit-oblong": head(
        VIT, "ViTForImageClassification", image_size=[9, 14], patch_size=[3, 4], num_channels=1
    ),
    "vit-unbiased": head(VIT, "ViTForImageClassification", qkv_bias=False, hidden_act="gelu_new"),
    "vit-pooled": head(VIT, "ViTModel", pooler_output_size=7, layer_norm_eps=1e-3),
}

RNG = np.random.default_rng(0)
IDS = RNG.integers(4, 23, (3, 11))
TYPES = np.arange(11) % 2 * np.ones((3, 1), int)
TARGET = np.concatenate([np.zeros((3, 1), int), IDS[::-1, ::-1][:, :8]], axis=1)
REAL = np.arange(11) < np.array([[11], [7], [2]])  # padding on the right


def texts(settings):
    """Ids with the padding token where there is padding."""
    return np.where(REAL, IDS, settings.get("pad_token_id", 0))


def types(settings):
    return TYPES % settings["type_vocab_size"]


def images(settings):
    size = settings["image_size"]
    size = size if isinstance(size, list) else [size, size]
    return np.random.default_rng(1).normal(size=(2, settings.get("num_channels", 3), *size))


def model_of(settings):
    """The model of these settings with weights that are large enough to tell things apart, in float64."""
    kind = getattr(models, pretrained.CLASSES[settings["model_type"]])
    model = kind(kind.config_class.from_dict(settings)).double().eval()
    for name, parameter in model.named_parameters():
        parameter.data[...] = weights(name, parameter.shape)
    return model


def sample(x):
    """Some of the numbers of an output: all of (B, L), two positions of the second text of (B, T, C)."""
    return x[1, [0, 6]] if x.ndim == 3 else x
