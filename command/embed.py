"""A vector for each text, by a BERT that was trained to embed."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from errno import EISDIR, ENOENT
from io import BytesIO
from itertools import islice
from tempfile import TemporaryFile
from typing import Any

from .sentences import POOLED, Way, asked
from .usage import UsageError, as_text, reading_text

SUMMARY = "Turn texts into vectors with a BERT or RoBERTa, as JSON or one .npy file."
EXAMPLE = """\
examples:
  tapegrad embed minilm/ --text "a cat" --text "a kitten"
  tapegrad embed minilm/ < lines.txt > vectors.jsonl
  tapegrad embed minilm/ -o vectors.npy < lines.txt

A text's vector is that of sentence-transformers, by the folder's files of it:
its pooling of the last hidden states, prompt, longest text and length; without
them the mean. What they ask for and is not covered is an error, and so is a
longer text than they allow, unless --truncate is given. A line of JSON comes
for each line of text."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="a folder with config.json, weights and a tokenizer")
    parser.add_argument(
        "--text", type=as_text, action="append", help="a text; several times for several (lines of the input)"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE.npy", help="write an array (texts, width) in place of JSON"
    )
    parser.add_argument("--normalize", action="store_true", help="vectors of length 1")
    parser.add_argument(
        "--pooling",
        choices=POOLED,
        metavar="HOW",
        help=f"of tokens into one vector (as the folder says): {', '.join(POOLED)}",
    )
    parser.add_argument(
        "--prompt", metavar="NAME", help="which of the folder's prompts goes before each text"
    )
    parser.add_argument(
        "--truncate", action="store_true", help="read only the beginning of texts that are too long"
    )
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="texts computed at once (32)")


def run(args: Namespace) -> None:
    import numpy as np

    from ..autograd import keep_memory
    from ..nn import atomic

    if args.batch_size < 1:
        raise UsageError(f"--batch-size is to be 1 or more, not {args.batch_size}")
    if args.output is not None and not args.output.endswith(".npy"):
        raise UsageError(f"-o is the name of a .npy file, not {args.output!r}; without it JSON is printed")
    if args.output is not None:
        check_place(args.output)
    keep_memory()
    way = asked(args.folder, args.pooling, args.prompt)
    way = way._replace(normalize=args.normalize or way.normalize)
    texts = input_lines() if args.text is None else args.text
    vectors = embedded(texts, way, args.truncate, args.batch_size)
    if args.output is None:
        for some in vectors:
            for vector in some:
                print(json.dumps([float(str(x)) for x in vector]))
            sys.stdout.flush()
        return
    found = list(vectors)
    if not found:
        raise ValueError("there is no text: give --text, or lines on standard input")
    whole = BytesIO()
    np.save(whole, np.concatenate(found))
    atomic.write(os.path.realpath(args.output), [whole.getbuffer()])


def check_place(path: str) -> None:
    """OSError before anything is computed, not after it, where no file can be written."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), path)
    if os.path.isdir(path):
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), path)
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None


def input_lines() -> Iterator[str]:
    """Those of standard input; ValueError for bytes that are no text."""
    with reading_text():
        yield from (line.removesuffix("\n") for line in sys.stdin)


def embedded(texts: Iterable[str], way: Way, truncate: bool, count: int) -> Iterator[Any]:
    """Arrays (up to `count`, width) of the vectors of `texts`, in their order."""
    from .. import models
    from ..autograd import no_grad

    model = models.from_pretrained(way.folder)
    if not isinstance(model, models.Bert):
        raise ValueError(f"{way.folder} holds a {type(model).__name__}; vectors are made by BERT and RoBERTa")
    reader = Reader(way, model.context, truncate)
    lines = enumerate(texts, 1)
    while some := list(islice(lines, count)):
        ids, real = padded([reader(line, number) for number, line in some], model.config.pad_token_id or 0)
        with no_grad():
            states = model.hidden(ids, real).numpy()
        vectors = pooled(states, real, way.pooling, reader.skipped)
        yield unit(vectors) if way.normalize else vectors


class Reader:
    """From texts to ids."""

    def __init__(self, way: Way, context: int, truncate: bool):
        from ..models import text

        self.tokenizer = text.from_pretrained(way.folder)
        if way.lower:
            lower(self.tokenizer, way.folder)
        self.prompt, self.truncate, self.cuts_end = way.prompt, truncate, way.cuts_end
        self.longest = min(n for n in (context, way.longest) if n is not None)
        self.skipped = 0 if way.pools_prompt or not way.prompt else self.length(way.prompt)

    def __call__(self, text: str, number: int) -> Any:
        """The ids of text `number`."""
        given = self.prompt + text
        ids = self.tokenizer.encode(given)
        if len(ids) > self.longest:
            if not self.truncate:
                raise ValueError(
                    f"text {number} has {len(ids)} tokens, and the model reads {self.longest}; --truncate "
                    "reads so many"
                )
            if not self.cuts_end:
                raise ValueError(
                    f"text {number} has {len(ids)} tokens, more than {self.longest}, and the tokenizer's "
                    "truncation_side asks for the end of texts, which is not covered"
                )
            ids = self.tokenizer.encode(given, max_length=self.longest)
        if len(ids) <= self.skipped:
            why = "the prompt is not read for it" if self.skipped else "the tokenizer adds nothing to it"
            raise ValueError(f"text {number} is empty, and {why}: it has no vector")
        return ids

    def length(self, prompt: str) -> int:
        """How many tokens of a text are those of its beginning; what ends a text is none of them."""
        ids = self.tokenizer.encode(prompt)
        special = {self.tokenizer.token_id(token) for token in self.tokenizer.special_tokens.values()}
        return len(ids) - (len(ids) > 0 and int(ids[-1]) in special)


def lower(tokenizer: Any, folder: str) -> None:
    """Small letters before anything else, as do_lower_case has it, but not in special tokens."""
    from ..models.text import Subwords

    if not isinstance(tokenizer, Subwords):
        raise ValueError(f"{folder}: do_lower_case is for tokenizers of Hugging Face's files")
    from tokenizers.normalizers import Lowercase, Sequence

    before = tokenizer.tokenizer.normalizer
    tokenizer.tokenizer.normalizer = Sequence([Lowercase(), *([] if before is None else [before])])


def padded(rows: list[Any], pad: int) -> tuple[Any, Any]:
    """Ids (B, T) with padding on the right, and which are none."""
    import numpy as np

    lengths = np.array([len(row) for row in rows])
    real = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(real.shape, pad)
    ids[real] = np.concatenate(rows)
    return ids, real


def pooled(states: Any, real: Any, modes: Iterable[str], skipped: int = 0) -> Any:
    """Vectors (B, C), joined where there are several `modes`, of states (B, T, C) with padding on the right.

    The first `skipped` tokens, a prompt's, are left out; their places still count in the weighted mean.
    """
    import numpy as np

    places = np.arange(1, states.shape[1] + 1)
    read = (real & (places > skipped))[..., None]
    x = np.where(read, states.astype(np.promote_types(states.dtype, np.float32), copy=False), 0)
    weights = (read * places[:, None]).astype(x.dtype)  # 1 for the first token, 2 for the second ...
    count = read.sum(axis=1).astype(x.dtype)
    ways = {
        "mean": lambda: x.sum(axis=1) / count,
        "cls": lambda: x[:, skipped],
        "max": lambda: np.where(read, x, -np.inf).max(axis=1),
        "mean_sqrt_len_tokens": lambda: x.sum(axis=1) / np.sqrt(count),
        "weightedmean": lambda: (x * weights).sum(axis=1) / weights.sum(axis=1),
        "lasttoken": lambda: x[np.arange(len(x)), real.sum(axis=1) - 1],
    }
    return np.concatenate([ways[mode]() for mode in modes], axis=-1)


def unit(vectors: Any) -> Any:
    """Of length 1; zeros stay what they are."""
    import numpy as np

    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
