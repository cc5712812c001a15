"""The tokenizer of a folder, whichever it has."""

from __future__ import annotations

import os

from .plain import PLAIN, Bytes, Characters
from .subwords import Subwords
from .tokenizer import Tokenizer, read_json

__all__ = ["from_pretrained"]


def from_pretrained(folder: str | os.PathLike) -> Tokenizer:
    """The tokenizer of a model's folder: one that save_pretrained wrote, or Hugging Face's files.

    Those are tokenizer.json, or the older vocab.json with merges.txt (GPT-2, RoBERTa) or vocab.txt (BERT),
    with tokenizer_config.json. Its `stop` has what generation_config.json, else config.json, says of
    eos_token_id, and the eos_token. FileNotFoundError where there is none, ValueError for files that are
    damaged or of a kind that is not covered, ImportError that says what to install for Hugging Face's.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"no folder {folder!r}")
    path = os.path.join(folder, PLAIN)
    found = _plain(path) if os.path.exists(path) else Subwords.from_folder(folder)
    found.stop = tuple(dict.fromkeys([*_ends(folder), *found.stop]))
    return found


def _plain(path: str) -> Tokenizer:
    """What save_pretrained of Bytes or Characters wrote; ValueError for anything else."""
    about = read_json(path)
    kinds = {"Bytes": Bytes, "Characters": Characters}
    kind = kinds.get(str(about.pop("kind", None)))
    if kind is None:
        raise ValueError(f"{path} has no kind of tokenizer that there is: {' or '.join(kinds)}")
    try:
        return kind(**about)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not what {kind.__name__}.save_pretrained writes: {error}") from None


def _ends(folder: str) -> list[int]:
    """The ids that end a text, as the model's files have them."""
    for name in ("generation_config.json", "config.json"):
        path = os.path.join(folder, name)
        about = read_json(path)
        if "eos_token_id" in about:  # null: none, as generate takes it
            found = about["eos_token_id"]
            ids = [] if found is None else found if isinstance(found, list) else [found]
            if not all(type(i) is int for i in ids):
                raise ValueError(f"{path}: eos_token_id is to be a number or several, not {found!r:.80}")
            return ids
    return []
