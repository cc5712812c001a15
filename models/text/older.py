"""Folders from before tokenizer.json: GPT-2's and RoBERTa's vocab.json with merges.txt, BERT's vocab.txt."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .tokenizer import read_json

BERT = {
    name: f"[{name[:-6].upper()}]"
    for name in ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
}
GPT2 = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
ROBERTA = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>"}
ROBERTA |= {"pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>"}


def older(folder: str, config: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """The tokenizer, and its usual special tokens by what they are for.

    FileNotFoundError that says what there is instead.
    """
    names = set(os.listdir(folder))
    if {"vocab.json", "merges.txt"} <= names:
        kind = read_json(os.path.join(folder, "config.json")).get("model_type")
        make = _roberta if kind == "roberta" or "Roberta" in str(config.get("tokenizer_class")) else _gpt2
    elif "vocab.txt" in names:
        make = _bert
    else:
        raise FileNotFoundError(_missing(folder, names))
    try:
        return make(folder, config)
    except Exception as error:  # the package raises nothing narrower
        raise ValueError(f"{folder}: the files of its tokenizer cannot be read: {error}") from None


def _missing(folder: str, names: set[str]) -> str:
    pieces = sorted(name for name in names if name.endswith((".model", ".spm", ".tiktoken")))
    if not pieces:
        return f"{folder} has no tokenizer.json, and no vocab.json with merges.txt or vocab.txt either"
    return (
        f"{folder} has no tokenizer.json, but {pieces[0]}; transformers writes one: "
        "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)"
    )


def _byte_pairs(folder: str, config: Mapping[str, Any]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary, merges = (os.path.join(folder, name) for name in ("vocab.json", "merges.txt"))
    tokenizer = Tokenizer(models.BPE.from_file(vocabulary, merges))
    start = bool(config.get("add_prefix_space", False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=start)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _gpt2(folder: str, config: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    return _with_special(_byte_pairs(folder, config), GPT2), GPT2


def _roberta(folder: str, config: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    from tokenizers import processors

    tokenizer = _with_special(_byte_pairs(folder, config), ROBERTA)
    last, first = _with_ids(tokenizer, "</s>", "<s>")
    tokenizer.post_processor = processors.RobertaProcessing(last, first, add_prefix_space=False)
    return tokenizer, ROBERTA


def _bert(folder: str, config: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece.from_file(os.path.join(folder, "vocab.txt"), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=config.get("do_lower_case", True),
        strip_accents=config.get("strip_accents"),
        handle_chinese_chars=config.get("tokenize_chinese_chars", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    _with_special(tokenizer, BERT)
    tokenizer.post_processor = processors.BertProcessing(*_with_ids(tokenizer, "[SEP]", "[CLS]"))
    return tokenizer, BERT


def _with_ids(tokenizer: Any, *tokens: str) -> list[tuple[str, Any]]:
    return [(token, tokenizer.token_to_id(token)) for token in tokens]


def _with_special(tokenizer: Any, tokens: Mapping[str, str]) -> Any:
    """What is told apart in a text from its letters; of the usual ones, those that the vocabulary has."""
    from tokenizers import AddedToken

    known = [token for token in dict.fromkeys(tokens.values()) if tokenizer.token_to_id(token) is not None]
    # a mask takes the place of a word with the space before it
    tokenizer.add_special_tokens([AddedToken(t, special=True, lstrip=t == "<mask>") for t in known])
    return tokenizer
