"""Published architectures, one in each file, that load and save Hugging Face's folders."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use

if TYPE_CHECKING:
    from ...autograd.arrays import DTypeLike
    from .bert import Bert
    from .bert_config import BertConfig
    from .folder import Pretrained
    from .gpt2 import GPT2, GPT2Config
    from .llama import Llama, LlamaConfig
    from .t5 import T5
    from .t5_config import T5Config
    from .vit import ViT, ViTConfig

FILES = {  # and what is found there
    "bert": "Bert",
    "bert_config": "BertConfig",
    "folder": "Pretrained",
    "gpt2": "GPT2 GPT2Config",
    "llama": "Llama LlamaConfig",
    "t5": "T5",
    "t5_config": "T5Config",
    "vit": "ViT ViTConfig",
}
CLASSES = {  # for each model_type of config.json
    "gpt2": "GPT2",
    **dict.fromkeys(["llama", "mistral", "qwen2", "qwen3", "smollm3"], "Llama"),
    **dict.fromkeys(["bert", "roberta", "xlm-roberta"], "Bert"),
    **dict.fromkeys(["t5", "mt5"], "T5"),
    "vit": "ViT",
}
__all__ = [
    "GPT2",
    "T5",
    "Bert",
    "BertConfig",
    "GPT2Config",
    "Llama",
    "LlamaConfig",
    "Pretrained",
    "T5Config",
    "ViT",
    "ViTConfig",
    "from_config",
    "from_pretrained",
]
if not TYPE_CHECKING:
    __getattr__ = on_first_use(globals(), FILES)


def from_pretrained(folder: str | os.PathLike, *, dtype: DTypeLike | None = None) -> Pretrained:
    """The model in a folder of config.json and weights, of the class that its model_type asks for.

    Its numbers have the `dtype`, or unless given that of the file, float32 at least. Errors as of
    Pretrained.from_pretrained; ValueError for a model_type that no class covers, with those that one does.
    """
    return _class_of(folder).from_pretrained(folder, dtype=dtype)


def from_config(folder: str | os.PathLike) -> Pretrained:
    """The model that a folder's config.json describes, with new weights.

    FileNotFoundError where no folder or config.json is, ValueError for settings that are not covered.
    """
    from .config import read_config
    from .folder import built

    kind = _class_of(folder)
    return built(kind, kind.config_class.from_dict(read_config(folder)))


def _class_of(folder: str | os.PathLike) -> type[Pretrained]:
    from .config import read_config

    name = read_config(folder)["model_type"]
    if name not in CLASSES:
        raise ValueError(
            f"from_pretrained: {os.fspath(folder)!r} has model_type {name!r}; there are {', '.join(CLASSES)}"
        )
    return getattr(import_module(__name__), CLASSES[name])
