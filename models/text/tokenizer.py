"""What a tokenizer is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...autograd.arrays import ArrayLike, as_array
from ..json_files import parsed
from .streaming import Stream

__all__ = ["Tokenizer"]

NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class Tokenizer:
    """Texts as ids and back; the base of Subwords (Hugging Face's), Bytes and Characters.

    `special_tokens` are tokens that stand for no text, by what they are for ("bos_token", "eos_token",
    "pad_token" ...); `stop` are ids that end a text; `chat_template` is how a conversation becomes a text,
    in Jinja's language, if there is one. `vocab_size` is how many ids there are.
    """

    special_tokens: Mapping[str, str]
    stop: tuple[int, ...] = ()
    chat_template: str | None = None
    vocab_size: int

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write what models.text.from_pretrained reads into `folder`, made where there is none."""
        raise NotImplementedError

    # ------------------------------------------------------------------ ids and texts

    def encode(
        self, text: str, *, add_special_tokens: bool = True, max_length: int | None = None
    ) -> np.ndarray:
        """The ids (T,) of `text`, with the tokens that mark its beginning and end unless told otherwise.

        Of a text with more than `max_length` of them, its beginning. TypeError for what is no text,
        ValueError for characters that there is no id for.
        """
        if not isinstance(text, str):
            raise TypeError(f"{type(self).__name__}.encode: a text comes first, not a {type(text).__name__}")
        if max_length is not None and max_length < 1:
            raise ValueError(f"{type(self).__name__}.encode: max_length is to be 1 or more, not {max_length}")
        return self._encoded(text, add_special_tokens, max_length)

    def decode(self, ids: ArrayLike | Iterable[int], *, skip_special_tokens: bool = False) -> str:
        """The text of `ids` (T,), a Tensor, an array or a list.

        Bytes that are no character show as U+FFFD, the replacement character.
        ValueError for another shape, TypeError for what are no integers, IndexError for negative ids, and in
        Bytes and Characters for those beyond the vocabulary.
        """
        given = as_array(ids if hasattr(ids, "__array__") else list(ids))  # type: ignore[arg-type]
        name = f"{type(self).__name__}.decode"
        if given.ndim != 1:
            raise ValueError(f"{name}: ids of shape {given.shape}, expected (length,)")
        if given.size and given.dtype.kind not in "iu":
            raise TypeError(f"{name}: ids are to be integers, not {given.dtype}")
        if given.size and (given.min() < 0 or (self._is_whole and given.max() >= self.vocab_size)):
            wrong = given.min() if given.min() < 0 else given.max()
            raise IndexError(f"{name}: there is no id {wrong}; the vocabulary has 0 to {self.vocab_size - 1}")
        return self._decoded(given.astype(np.int64), skip_special_tokens)

    def stream(self, ids: Iterable[int], after: Sequence[int] | np.ndarray = ()) -> Iterator[str]:
        """The text of `ids` in pieces, as they come: never half a character, no special tokens.

        `after` are ids that the text continues, as those of the prompt.
        """
        before = np.asarray(after, np.int64).tolist()
        decoding = Stream(lambda some: self.decode(some, skip_special_tokens=True), before)
        for token in ids:
            piece = decoding.push(token)
            if piece:
                yield piece
        rest = decoding.close()
        if rest:
            yield rest

    def chat_text(
        self, messages: Sequence[Mapping[str, Any]], *, add_generation_prompt: bool = True, **variables: Any
    ) -> str:
        """A conversation as the text that the model was trained with, to encode without special tokens.

        `messages` are {"role": "user" or "system" or "assistant", "content": text}, as transformers has them;
        with add_generation_prompt the text ends where the assistant's answer begins. `variables` are given to
        the template (tools, documents ...). ValueError where the folder has no chat template, and for what
        the template refuses; ImportError without jinja2.
        """
        if self.chat_template is None:
            raise ValueError(
                "the folder has no chat template (chat_template.jinja, or chat_template in "
                "tokenizer_config.json): the model continues texts, it was not trained to chat"
            )
        from .chat import rendered

        given = {**self.special_tokens, "add_generation_prompt": add_generation_prompt, **variables}
        return rendered(self.chat_template, messages, given)

    # ------------------------------------------------------------------ special tokens

    def token_id(self, token: str) -> int | None:
        """The id of a token as it is written in the vocabulary; None if it has none."""
        raise NotImplementedError

    def _special_id(self, name: str) -> int | None:
        token = self.special_tokens.get(name)
        return None if token is None else self.token_id(token)

    @property
    def bos_token_id(self) -> int | None:
        """The id that texts begin with, if there is one."""
        return self._special_id("bos_token")

    @property
    def eos_token_id(self) -> int | None:
        """The id that texts end with, if there is one."""
        return self._special_id("eos_token")

    @property
    def pad_token_id(self) -> int | None:
        """The id of padding, if there is one."""
        return self._special_id("pad_token")

    def _end(self) -> tuple[int, ...]:
        return () if self.eos_token_id is None else (self.eos_token_id,)

    # ------------------------------------------------------------------ for each kind to say

    _is_whole = True  # whether every id up to vocab_size means something, and none beyond

    def _encoded(self, text: str, add_special_tokens: bool, max_length: int | None) -> np.ndarray:
        raise NotImplementedError

    def _decoded(self, ids: np.ndarray, skip_special_tokens: bool) -> str:
        raise NotImplementedError


def read_json(path: str, needed: bool = False) -> dict[str, Any]:
    """The object in a file; {} where it may be missing and is. ValueError for what is none."""
    if not needed and not os.path.exists(path):
        return {}
    found = parsed(path)
    if not isinstance(found, dict):
        raise ValueError(f"{path} is to hold an object, not a {type(found).__name__}")
    return found
