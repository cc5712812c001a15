"""Whole networks, one in each file: two of our own, and published ones that load Hugging Face's folders."""

from typing import TYPE_CHECKING

from ..autograd.exports import on_first_use

FILES = {  # and what is found there
    "generation": "generation",
    "gpt": "GPT GPTConfig",
    "pretrained": "GPT2 T5 Bert BertConfig GPT2Config Llama LlamaConfig Pretrained T5Config ViT ViTConfig "
    "from_pretrained",
    "transformer": "Transformer TransformerConfig",
}
__all__ = sorted(" ".join(FILES.values()).split())

if TYPE_CHECKING:
    from . import generation
    from .gpt import GPT, GPTConfig
    from .pretrained import (
        GPT2,
        T5,
        Bert,
        BertConfig,
        GPT2Config,
        Llama,
        LlamaConfig,
        Pretrained,
        T5Config,
        ViT,
        ViTConfig,
        from_pretrained,
    )
    from .transformer import Transformer, TransformerConfig
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
