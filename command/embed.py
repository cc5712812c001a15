"""A vector for each text, by a BERT that was trained to embed."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from itertools import islice
from math import inf
from typing import Any, NamedTuple

from .usage import UsageError

SUMMARY = "Turn texts into vectors with a BERT or RoBERTa, as JSON or one .npy file."
EXAMPLE = """\
examples:
  tapegrad embed minilm/ --text "a cat" --text "a kitten"
  tapegrad embed minilm/ < lines.txt > vectors.jsonl
  tapegrad embed minilm/ -o vectors.npy < lines.txt

A text's vector is the mean of its tokens' last hidden states, unless the
folder's files of sentence-transformers ask for the first token's (pooling cls)
and for length 1 (normalize). A line of JSON comes for each line of text."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="a folder with config.json, weights and a tokenizer")
    parser.add_argument(
        "--text", action="append", help="a text; several times for several (lines of the input)"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE.npy", help="write an array (texts, width) in place of JSON"
    )
    parser.add_argument("--normalize", action="store_true", help="vectors of length 1")
    parser.add_argument(
        "--pooling", choices=("mean", "cls"), help="of all tokens, or the first (as the folder says)"
    )
    parser.add_argument(
        "--truncate", action="store_true", help="read the beginning of texts that are too long"
    )
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="texts computed at once (32)")


def run(args: Namespace) -> None:
    import numpy as np

    if args.batch_size < 1:
        raise UsageError(f"--batch-size is to be 1 or more, not {args.batch_size}")
    if args.output is not None and not args.output.endswith(".npy"):
        raise UsageError(f"-o is the name of a .npy file, not {args.output!r}; without it JSON is printed")
    way = asked(args.folder, args.pooling)
    way = way._replace(normalize=args.normalize or way.normalize)
    texts = input_lines() if args.text is None else args.text
    vectors = embedded(
        args.folder, (t.removesuffix("\n") for t in texts), way, args.truncate, args.batch_size
    )
    if args.output is None:
        for some in vectors:
            for vector in some:
                print(json.dumps([float(str(x)) for x in vector]))
            sys.stdout.flush()
        return
    found = list(vectors)
    if not found:
        raise ValueError("there is no text: give --text, or lines on standard input")
    with open(args.output, "wb") as file:
        np.save(file, np.concatenate(found))


def input_lines() -> Iterator[str]:
    """Those of standard input; ValueError for bytes that are no text."""
    try:
        yield from sys.stdin
    except UnicodeDecodeError as error:
        raise ValueError(f"standard input is no text in {error.encoding}: {error.reason}") from None


class Way(NamedTuple):
    """How a folder's vectors are made."""

    pooling: str = "mean"
    normalize: bool = False
    longest: int | None = None


def asked(folder: str, pooling: str | None = None) -> Way:
    """What sentence-transformers' files say, if they are there; `pooling` goes before theirs.

    ValueError for what there is not here.
    """
    from ..models.text.tokenizer import read_json

    found = []
    for name, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),  # where version 6 has it
    ):
        path = os.path.join(folder, name)
        longest = read_json(path).get(key)
        if longest is None:
            continue
        if not isinstance(longest, (int, float)) or not 1 <= longest < inf:  # 1e30: no limit
            raise ValueError(f"{path}: {key} is to be 1 or more, not {longest!r}")
        found.append(int(longest))
    return Way(pooling or pooled_by(folder), "Normalize" in layers(folder), min(found, default=None))


def layers(folder: str) -> list[str]:
    """What follows each other in a folder's list; none without one. ValueError for what there is not here."""
    path = os.path.join(folder, "modules.json")
    if not os.path.exists(path):
        return []
    try:
        with open(path, encoding="utf-8") as file:
            modules = json.load(file)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no right JSON: {error}") from None
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ValueError(f"{path} is to be a list of layers, as sentence-transformers writes it")
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    other = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if other:
        raise ValueError(f"{path} has a {other[0]} layer, which is not covered")
    return kinds


def pooled_by(folder: str) -> str:
    """The pooling of a folder's file: a word, or before version 6 flags; mean without one."""
    from ..models.text.tokenizer import read_json

    said = read_json(os.path.join(folder, "1_Pooling", "config.json"))
    flags = [k.removeprefix("pooling_mode_") for k, v in said.items() if k.startswith("pooling_mode_") and v]
    modes = said.get("pooling_mode", flags)
    modes = modes if isinstance(modes, list) else [modes]
    names = {"mean_tokens": "mean", "cls_token": "cls"}
    ways = [names.get(str(mode), str(mode)) for mode in modes] or ["mean"]
    if len(ways) > 1 or ways[0] not in names.values():
        raise ValueError(
            f"{folder} pools by {' and '.join(map(str, modes))}, which is not covered; --pooling mean, or "
            "cls, makes other vectors of the same model"
        )
    return ways[0]


def embedded(folder: str, texts: Iterable[str], way: Way, truncate: bool, count: int) -> Iterator[Any]:
    """Arrays (up to `count`, width) of the vectors of `texts`, in their order."""
    from .. import models
    from ..autograd import no_grad
    from ..models import text

    model = models.from_pretrained(folder)
    if not isinstance(model, models.Bert):
        raise ValueError(f"{folder} holds a {type(model).__name__}; vectors are made by BERT and RoBERTa")
    tokenizer = text.from_pretrained(folder)
    longest = min(n for n in (model.context, way.longest) if n is not None)
    lines = enumerate(texts, 1)
    while some := list(islice(lines, count)):
        rows = [
            read(tokenizer, line, number, longest if truncate else None, model.context)
            for number, line in some
        ]
        ids, real = padded(rows, model.config.pad_token_id or 0)
        with no_grad():
            yield pooled(model, ids, real, way).numpy()


def read(tokenizer: Any, text: str, number: int, limit: int | None, context: int) -> Any:
    """The ids of a text, at most `limit`."""
    ids = tokenizer.encode(text, max_length=limit)
    if len(ids) > context:
        raise ValueError(
            f"text {number} has {len(ids)} tokens, and the model reads {context}; --truncate reads so many"
        )
    if not len(ids):
        raise ValueError(f"text {number} is empty, and the tokenizer adds nothing to it: it has no vector")
    return ids


def padded(rows: list[Any], pad: int) -> tuple[Any, Any]:
    """Ids (B, T) with padding on the right, and which are none."""
    import numpy as np

    lengths = np.array([len(row) for row in rows])
    real = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(real.shape, pad)
    ids[real] = np.concatenate(rows)
    return ids, real


def pooled(model: Any, ids: Any, real: Any, way: Way) -> Any:
    from ..nn import functional as F

    if way.pooling == "mean":
        return model.embed(ids, real, normalize=way.normalize)
    first = model.hidden(ids, real)[:, 0]
    return F.normalize(first, dim=-1) if way.normalize else first
