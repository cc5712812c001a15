"""Hugging Face's tokenizers, by the package of that name, with what their folders say of special tokens."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import category

import numpy as np

from ...nn import atomic
from .older import older
from .tokenizer import NAMES, Tokenizer, read_json

__all__ = ["Subwords"]

FILE = "tokenizer.json"
CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"


class Subwords(Tokenizer):
    """A tokenizer of the package `tokenizers`, whose ids stand for words and parts of words.

    `tokenizer` is a tokenizers.Tokenizer, which is changed: its own cutting and padding are switched off.
    `special_tokens` and `chat_template` are as of Tokenizer.
    """

    _is_whole = False  # a model's vocabulary is often rounded up, and may write ids that mean nothing

    def __init__(
        self,
        tokenizer: Any,
        special_tokens: Mapping[str, str] | None = None,
        chat_template: str | None = None,
    ):
        self.tokenizer = tokenizer
        self.special_tokens = dict(special_tokens or {})
        self.chat_template = chat_template
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._drops = _drops(tokenizer)
        self.stop = self._end()

    @classmethod
    def from_folder(cls, folder: str) -> Subwords:
        """The tokenizer in Hugging Face's files of a folder: see models.text.from_pretrained.

        FileNotFoundError where there is none, ValueError for one that is damaged or not covered, ImportError
        without the package.
        """
        config = read_json(os.path.join(folder, CONFIG))
        path = os.path.join(folder, FILE)
        special = _special_tokens(folder, config)
        import_tokenizers()
        if os.path.exists(path):
            tokenizer = _loaded(path)
        else:
            tokenizer, usual = older(folder, config)
            special = {**usual, **special}
        _add_tokens(tokenizer, folder, config)
        return cls(tokenizer, special, _chat_template(folder, config))

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        """How many ids there are."""
        return self.tokenizer.get_vocab_size()

    def token_id(self, token: str) -> int | None:
        """The id of a token as it is written in the vocabulary; None if it has none."""
        return self.tokenizer.token_to_id(token)

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write tokenizer.json, tokenizer_config.json and chat_template.jinja, if there is one, to `folder`.

        What ends a text beside the eos_token is the model's, in config.json or generation_config.json.
        """
        os.makedirs(folder, exist_ok=True)
        about = {**self.special_tokens, "tokenizer_class": "PreTrainedTokenizerFast"}
        texts = {FILE: self.tokenizer.to_str(pretty=True), CONFIG: json.dumps(about, indent=2) + "\n"}
        if self.chat_template is not None:
            texts[TEMPLATE] = self.chat_template
        for name, text in texts.items():
            atomic.write(os.path.realpath(os.path.join(folder, name)), [text.encode()])

    def _encoded(self, text: str, add_special_tokens: bool, max_length: int | None) -> np.ndarray:
        text.encode()  # a lone surrogate is no text for the package; the error is clear here
        if max_length is None:
            try:
                found = self.tokenizer.encode(text, add_special_tokens=add_special_tokens)
            except Exception as error:  # the package raises nothing narrower
                raise ValueError(f"Subwords.encode: {error}") from None
            if self._drops and self.tokenizer.truncation is None:
                _check_whole(text, found.offsets)
            return np.array(found.ids, np.int64)
        if self._drops:
            self._encoded(text, add_special_tokens, None)
        added = self.tokenizer.num_special_tokens_to_add(False) if add_special_tokens else 0
        if max_length <= added:
            raise ValueError(
                f"Subwords.encode: max_length {max_length} has no room beside {added} special tokens"
            )
        self.tokenizer.enable_truncation(max_length)
        try:
            return self._encoded(text, add_special_tokens, None)
        finally:
            self.tokenizer.no_truncation()

    def _decoded(self, ids: np.ndarray, skip_special_tokens: bool) -> str:
        return self.tokenizer.decode(ids.tolist(), skip_special_tokens=skip_special_tokens)


def _drops(tokenizer: Any) -> bool:
    """Whether it passes over what it does not know: byte pairs without an unk_token, and not of all bytes."""
    models, pre = import_tokenizers().models, import_tokenizers().pre_tokenizers
    model = tokenizer.model
    if not isinstance(model, models.BPE) or model.unk_token is not None or model.byte_fallback:
        return False
    return any(tokenizer.token_to_id(letter) is None for letter in pre.ByteLevel.alphabet())


def _check_whole(text: str, offsets: Sequence[tuple[int, int]]) -> None:
    """ValueError for a character that no token stands for, but for spaces, marks and controls."""
    steps = np.zeros(len(text) + 1, np.int64)
    for begin, end in offsets:
        steps[begin] += 1
        steps[end] -= 1
    for at in np.flatnonzero(steps[:-1].cumsum() == 0).tolist():
        if not text[at].isspace() and category(text[at])[0] not in "MC":
            raise ValueError(
                f"Subwords.encode: no token stands for {text[at]!r} at {at}, and there is no unk_token"
            )


def import_tokenizers() -> Any:
    """The package; ImportError that says what to install."""
    try:
        import tokenizers
    except ImportError:
        raise ImportError(
            "tokenizers of Hugging Face's folders need their package: pip install 'tapegrad[text]'"
        ) from None
    return tokenizers


def _loaded(path: str) -> Any:
    try:
        return import_tokenizers().Tokenizer.from_file(path)
    except Exception as error:  # the package raises nothing narrower
        raise ValueError(f"{path} cannot be read as a tokenizer: {error}") from None


# ------------------------------------------------------------------ what else the folder says


def _special_tokens(folder: str, config: Mapping[str, Any]) -> dict[str, str]:
    """The tokens by what they are for: of tokenizer_config.json, else of special_tokens_map.json."""
    found = {**read_json(os.path.join(folder, "special_tokens_map.json")), **config}
    tokens = {}
    for name in NAMES:
        token = found.get(name)
        token = token.get("content") if isinstance(token, dict) else token
        if token is not None and not isinstance(token, str):
            raise ValueError(f"{os.path.join(folder, CONFIG)}: {name} is to be a text, not {token!r:.80}")
        if token is not None:
            tokens[name] = token
    return tokens


def _add_tokens(tokenizer: Any, folder: str, config: Mapping[str, Any]) -> None:
    """Tokens that tokenizer_config.json or added_tokens.json has beside those of the tokenizer itself."""
    listed = config.get("added_tokens_decoder")
    wanted = {str(about.get("content")): (int(i), about) for i, about in (listed or {}).items()}
    if listed is None:
        older = read_json(os.path.join(folder, "added_tokens.json"))
        wanted = {token: (int(i), {"special": False}) for token, i in older.items()}
    for token, (number, about) in sorted(wanted.items(), key=lambda item: item[1][0]):
        if tokenizer.token_to_id(token) is None:
            flags = {
                k: bool(about[k]) for k in ("single_word", "lstrip", "rstrip", "normalized") if k in about
            }
            added = import_tokenizers().AddedToken(token, special=bool(about.get("special")), **flags)
            tokenizer.add_tokens([added])
        if tokenizer.token_to_id(token) != number:
            raise ValueError(
                f"{folder}: token {token!r} is to have the id {number}, and has "
                f"{tokenizer.token_to_id(token)}: the files of the tokenizer do not belong together"
            )


def _chat_template(folder: str, config: Mapping[str, Any]) -> str | None:
    """The folder's file, else what tokenizer_config.json has: a template, or several by name."""
    path = os.path.join(folder, TEMPLATE)
    if os.path.exists(path):
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    found = config.get("chat_template")
    if isinstance(found, list):
        found = {entry.get("name"): entry.get("template") for entry in found if isinstance(entry, dict)}
    if isinstance(found, dict):
        if "default" not in found:
            raise ValueError(
                f"{folder}: of its chat templates, {', '.join(map(str, found))}, none is the default"
            )
        found = found["default"]
    if found is not None and not isinstance(found, str):
        raise ValueError(f"{os.path.join(folder, CONFIG)}: chat_template is to be a text")
    return found
