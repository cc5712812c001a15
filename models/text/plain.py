"""Tokenizers that need no other package: of bytes, and of characters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...nn import atomic
from .tokenizer import NAMES, Tokenizer

__all__ = ["Bytes", "Characters"]

PLAIN = "tapegrad_tokenizer.json"


class Plain(Tokenizer):
    """What has one id for each unit of a text, from 0, and after these one for each special token.

    Special tokens are ids alone: a text that spells one has the ids of its letters.
    """

    units: int  # how many ids there are without special tokens

    def __init__(self, special_tokens: Mapping[str, str] | None, chat_template: str | None):
        given = dict(special_tokens or {})
        for name, token in given.items():
            if name not in NAMES or not isinstance(token, str) or not token:
                raise ValueError(
                    f"{type(self).__name__}: special_tokens has {name}: {token!r:.80}; they are texts for "
                    + ", ".join(NAMES)
                )
        self.special_tokens = given
        self.chat_template = chat_template
        self._ids = {token: self.units + i for i, token in enumerate(dict.fromkeys(given.values()))}
        self.stop = self._end()

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        """How many ids there are."""
        return self.units + len(self._ids)

    def token_id(self, token: str) -> int | None:
        """The id of a special token; None if it is none."""
        return self._ids.get(token)

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write tapegrad_tokenizer.json into `folder`, made where there is none."""
        os.makedirs(folder, exist_ok=True)
        about = {"kind": type(self).__name__, **self._own()}
        about |= {"special_tokens": dict(self.special_tokens), "chat_template": self.chat_template}
        text = json.dumps(about, indent=2) + "\n"
        atomic.write(os.path.realpath(os.path.join(folder, PLAIN)), [text.encode()])

    def _own(self) -> dict[str, Any]:
        """What else it is made of, by the names of its arguments."""
        return {}

    def _encoded(self, text: str, add_special_tokens: bool, max_length: int | None) -> np.ndarray:
        ids = self._units(text)
        if add_special_tokens and self.bos_token_id is not None:
            ids = np.concatenate([[self.bos_token_id], ids])
        return ids[:max_length]

    def _decoded(self, ids: np.ndarray, skip_special_tokens: bool) -> str:
        special = ids >= self.units
        if skip_special_tokens or not special.any():
            return self._text(ids[~special])
        tokens = list(self._ids)
        cuts = np.flatnonzero(special)
        parts = np.split(ids, cuts)
        rest = [tokens[int(part[0]) - self.units] + self._text(part[1:]) for part in parts[1:]]
        return "".join([self._text(parts[0]), *rest])

    def _units(self, text: str) -> np.ndarray:
        raise NotImplementedError

    def _text(self, ids: np.ndarray) -> str:
        raise NotImplementedError


class Bytes(Plain):
    """The bytes of UTF-8, 0 to 255: any text, in any language, by 256 ids and `special_tokens`.

    `special_tokens` by what they are for, as {"eos_token": "<end>"}, have the ids from 256 in that order.
    With a bos_token, texts begin with it.
    """

    units = 256

    def __init__(self, special_tokens: Mapping[str, str] | None = None, chat_template: str | None = None):
        super().__init__(special_tokens, chat_template)

    def _units(self, text: str) -> np.ndarray:
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)

    def _text(self, ids: np.ndarray) -> str:
        return ids.astype(np.uint8).tobytes().decode("utf-8", "replace")


class Characters(Plain):
    """The characters of a text, in the order of Unicode: those of `characters`, each once.

    `characters` is a text, or several, to take them from; `special_tokens` as of Bytes, after these. With an
    unk_token, it is what other characters become; without one, ValueError says which there is no id for.
    """

    def __init__(
        self,
        characters: str | Iterable[str],
        special_tokens: Mapping[str, str] | None = None,
        chat_template: str | None = None,
    ):
        found = sorted(set().union(*([characters] if isinstance(characters, str) else characters)))
        if not found:
            raise ValueError("Characters: there is no character in the text given")
        self.characters = "".join(found)
        self._codes = _codes(self.characters)
        self.units = len(found)
        super().__init__(special_tokens, chat_template)

    def _own(self) -> dict[str, Any]:
        return {"characters": self.characters}

    def _units(self, text: str) -> np.ndarray:
        codes = _codes(text)
        ids = np.minimum(np.searchsorted(self._codes, codes), self.units - 1)
        other = self._codes[ids] != codes
        if other.any():
            unknown = self._special_id("unk_token")
            if unknown is None:
                at = int(other.argmax())
                raise ValueError(
                    f"Characters.encode: {text[at]!r} at {at} is none of the {self.units} characters that it "
                    "knows; an unk_token in special_tokens would stand for such"
                )
            ids[other] = unknown
        return ids

    def _text(self, ids: np.ndarray) -> str:
        return self._codes[ids].tobytes().decode("utf-32-le", "surrogatepass")


def _codes(text: str) -> np.ndarray:
    """The numbers of characters in Unicode."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
