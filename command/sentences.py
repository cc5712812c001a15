"""What sentence-transformers' files in a folder say of how a text becomes a vector.

What would change a vector and is not covered is a ValueError that names it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

LAYERS = ["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]
POOLED = ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
FLAGS = {  # before version 6, in the order in which several vectors are joined
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
OLDER = (
    "bert",
    "roberta",
    "distilbert",
    "camembert",
    "albert",
    "xlm-roberta",
    "xlnet",
)  # of the settings' name
FORWARD = {"method": "forward", "method_output_name": "last_hidden_state"}
USUAL = {  # settings of the first layer with their only values here; others are covered where they are unset
    "transformer_task": "feature-extraction",
    "module_output_name": "token_embeddings",
    "modality_config": {"text": FORWARD},
    "unpad_inputs": True,
}


class Way(NamedTuple):
    """How a folder's vectors are made."""

    folder: str  # of the model and its tokenizer
    pooling: Sequence[str] = ("mean",)  # several are joined
    normalize: bool = False
    longest: int | None = None
    lower: bool = False
    prompt: str = ""
    pools_prompt: bool = True
    cuts_end: bool = True  # of texts that are too long


def asked(folder: str, pooling: str | None = None, prompt: str | None = None) -> Way:
    """What the files say, if they are there; `pooling` goes before theirs, `prompt` names one of theirs."""
    from ..models.text.tokenizer import read_json

    paths = layers(folder)
    inner = paths.get("Transformer", folder)
    if os.path.exists(os.path.join(inner, "adapter_config.json")):
        raise ValueError(f"{inner} has an adapter (adapter_config.json), which is not covered")
    said = {} if pooling and "Pooling" not in paths else pooling_settings(folder, paths)
    tokenizer = read_json(os.path.join(inner, "tokenizer_config.json"))
    path, own = settings(inner)
    return Way(
        folder=inner,
        pooling=(pooling,) if pooling else pooled_by(folder, said),
        normalize="Normalize" in paths,
        longest=limit(inner, path, own, tokenizer),
        lower=bool(own.get("do_lower_case")),
        prompt=prompted(folder, prompt),
        pools_prompt=said.get("include_prompt") is not False,
        cuts_end=tokenizer.get("truncation_side", "right") == "right",
    )


def layers(folder: str) -> dict[str, str]:
    """The folders of what follows each other in a folder's list, by their types; {} without a list."""
    from ..models.json_files import parsed

    path = os.path.join(folder, "modules.json")
    if not os.path.exists(path):
        return {}
    modules = parsed(path)
    if not isinstance(modules, list) or not all(
        isinstance(module, dict) and isinstance(module.get("path"), str) for module in modules
    ):
        raise ValueError(
            f"{path} is to be a list of layers with their paths, as sentence-transformers writes it"
        )
    kinds = [kind_of(path, str(module.get("type"))) for module in modules]
    if kinds not in LAYERS:
        raise ValueError(
            f"{path} has the layers {', '.join(kinds) or 'none'}; those that are covered are Transformer, "
            "Pooling and, if there is one more, Normalize"
        )
    for module in modules:
        inside = os.path.normpath(module["path"])
        if os.path.isabs(inside) or inside.split(os.sep)[0] == os.pardir:
            raise ValueError(f"{path} names {module['path']}, which is not in the folder")
    places = [os.path.join(folder, module["path"]) if module["path"] else folder for module in modules]
    return dict(zip(kinds, places, strict=True))


def kind_of(path: str, name: str) -> str:
    """The class of a layer; its modules have had several names."""
    package, _, kind = name.rpartition(".")
    if package.partition(".")[0] != "sentence_transformers":
        raise ValueError(f"{path} has a layer of other code, {name}, which is not covered")
    if kind not in LAYERS[-1]:
        raise ValueError(f"{path} has a {kind} layer, which is not covered")
    return kind


def pooling_settings(folder: str, paths: Mapping[str, str]) -> dict[str, Any]:
    """Those of the pooling layer; {} in a folder without layers."""
    from ..models.text.tokenizer import read_json

    path = os.path.join(paths.get("Pooling", os.path.join(folder, "1_Pooling")), "config.json")
    if not paths and os.path.exists(path):
        raise ValueError(
            f"{folder} has {os.path.relpath(path, folder)}, but not modules.json, which says whether it is "
            "used: fetch it, or say --pooling"
        )
    return read_json(path, needed=bool(paths))


def settings(folder: str) -> tuple[str, dict[str, Any]]:
    """The file of the first layer's settings, and what is in it."""
    from ..models.text.tokenizer import read_json

    paths = [os.path.join(folder, f"sentence_{name}_config.json") for name in OLDER]
    path = next(filter(read_json, paths), paths[0])
    found = read_json(path)
    for name, value in found.items():
        if name not in ("max_seq_length", "do_lower_case") and value and value != USUAL.get(name):
            raise ValueError(f"{path} has {name} {json.dumps(value):.60}, which is not covered")
    return path, found


def limit(folder: str, path: str, own: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> int | None:
    """The longest text in tokens: of the first layer, or, as where version 6 has it, of the tokenizer."""
    for file, key, found in (
        (path, "max_seq_length", own.get("max_seq_length")),
        (
            os.path.join(folder, "tokenizer_config.json"),
            "model_max_length",
            tokenizer.get("model_max_length"),
        ),
    ):
        if found is not None:
            if isinstance(found, bool) or not isinstance(found, (int, float)) or not 1 <= found < inf:
                raise ValueError(f"{file}: {key} is to be 1 or more, not {found!r}")
            return int(found)  # 1e30: there is none
    return None


def pooled_by(folder: str, said: Mapping[str, Any]) -> Sequence[str]:
    """The poolings of a layer's settings: words, or before version 6 flags; the mean without any."""
    modes = said.get("pooling_mode", [mode for flag, mode in FLAGS.items() if said.get(flag)])
    modes = modes if isinstance(modes, list) else [modes]
    other = [mode for mode in modes if mode not in POOLED]
    other += [
        name for name, on in said.items() if name.startswith("pooling_mode_") and on and name not in FLAGS
    ]
    if other:
        raise ValueError(
            f"{folder} pools by {other[0]}, which is not covered; --pooling makes other vectors of the same "
            f"model: {', '.join(POOLED)}"
        )
    return modes or ["mean"]


def prompted(folder: str, name: str | None) -> str:
    """What goes before each text: the prompt called `name`, else the folder's own choice."""
    from ..models.text.tokenizer import read_json

    path = os.path.join(folder, "config_sentence_transformers.json")
    said = read_json(path)
    kind = said.get("model_type", "SentenceTransformer")
    if kind != "SentenceTransformer":
        raise ValueError(f"{path}: the model is a {kind}, whose vectors are not covered")
    prompts = said.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise ValueError(f"{path}: prompts are to be texts by their names, not {prompts!r:.80}")
    name = said.get("default_prompt_name") if name is None else name
    if name is None:
        return ""
    if name not in prompts:
        there = ", ".join(prompts) or "none"
        raise ValueError(f"{path}: there is no prompt {name!r}; the folder has {there}")
    return prompts[name] or ""
