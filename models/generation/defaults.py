"""What a model's own generation_config says where the caller of `generate` says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .settings import IDS, Settings, as_count, check_ids, ids_of

__all__ = ["NAMES", "SPECIAL", "own", "own_stop", "own_strings", "settings_of"]

WHERE = "model.generation_config"
SAMPLING = ("temperature", "top_k", "top_p", "min_p")
DRAWS = {*SAMPLING, "seed", "rng"}  # who gives one of these wants tokens to be drawn, but for temperature 0
BEAMS = ("num_beams", "length_penalty", "early_stopping")
ALWAYS = (
    "repetition_penalty", "no_repeat_ngram_size", "min_length", "min_new_tokens", *IDS, "num_return_sequences"
)  # fmt: skip
TOP_K = 50  # transformers' own, where do_sample stands without top_k
# What transformers computes and `generate` does not: when, and what is as if it were not there.
MISSING: dict[str, tuple[str, tuple[Any, ...]]] = {
    "bad_words_ids": ("", ([],)),
    "dola_layers": ("", ()),
    "encoder_no_repeat_ngram_size": ("", (0,)),
    "encoder_repetition_penalty": ("", (1,)),
    "exponential_decay_length_penalty": ("", ()),
    "guidance_scale": ("", (1,)),
    "sequence_bias": ("", ({}, [])),
    "token_healing": ("", (False,)),
    "watermarking_config": ("", ({},)),
    "penalty_alpha": ("greedy", (0,)),
    "epsilon_cutoff": ("draws", (0,)),
    "eta_cutoff": ("draws", (0,)),
    "top_h": ("draws", ()),
    "typical_p": ("draws", (1,)),
    "constraints": ("beams", ([],)),
    "diversity_penalty": ("beams", (0,)),
    "force_words_ids": ("beams", ([],)),
    "num_beam_groups": ("beams", (1,)),
    "renormalize_logits": ("beams", (False,)),
}
SPECIAL = ("eos_token_id", "pad_token_id", "bos_token_id", "decoder_start_token_id")
NAMES = ("do_sample", "stop_strings", *SAMPLING, *BEAMS, *ALWAYS, *MISSING)


def settings_of(model: Any, options: dict[str, Any]) -> Settings:
    """The settings that `options` and, for what they leave open, model.generation_config make.

    That is a dict of transformers' names, as in generation_config.json. What is given wins: with `num_beams`
    nothing is drawn, with a temperature, top_k, top_p, min_p, seed or rng no beams are followed, and of the
    dict only what fits to that is taken. Its do_sample false means temperature 0; where it says nothing
    of do_sample and num_beams, tokens are drawn as they are without it. ValueError for settings there that
    mean nothing, or that `generate` lacks and that would change the text.
    """
    stored = _stored(model)
    if not stored:
        return Settings.of(options)
    Settings.check_names(options)
    asked = {name: value for name, value in options.items() if value is not None}
    how = _manner(asked, stored)
    for name, (when, neutral) in MISSING.items():
        value = stored.get(name)
        if value is not None and value not in neutral and when in ("", how):
            raise ValueError(
                f"generate: {WHERE} has {name} {value!r:.60}, which is not computed here; "
                f"del {WHERE}[{name!r}] writes without it, as does its file without that line"
            )
    found = {name: stored[name] for name in _used(how, asked, stored)}
    if how == "greedy" and "temperature" not in asked:
        found["temperature"] = 0
    if how == "draws" and stored.get("do_sample") and stored.get("top_k") is None and "top_k" not in asked:
        found["top_k"] = TOP_K
    try:
        vocabulary = getattr(getattr(model, "config", None), "vocab_size", None)
        for name in found.keys() & set(IDS):
            check_ids(name, ids_of(name, found[name]), vocabulary)
        return Settings.of({**options, **found})
    except (TypeError, ValueError) as error:
        Settings.of(options)  # if it is the caller's, it is said as ever
        words = str(error).removeprefix("generate: ")
        raise ValueError(f"generate: {WHERE}, from the model's folder: {words}") from None


def own(model: Any, name: str) -> Any:
    """An id by its name in generation_config.json, else in config.json; None where there is none."""
    stored = _stored(model)
    return stored[name] if name in stored else getattr(getattr(model, "config", None), name, None)


def own_stop(model: Any) -> tuple[str, tuple[Any, ...]]:
    """Where the ids and strings that end a model's texts stand, and which they are."""
    stored, name = _stored(model), "eos_token_id"
    where = f"{name} of {'generation_config.json' if name in stored else 'config.json'}"
    strings = own_strings(model)
    ids = ids_of(where, own(model, name))
    return (f"{where} with stop_strings", (*ids, *strings)) if strings else (where, ids)


def own_strings(model: Any) -> tuple[str, ...]:
    """The stop_strings of a model's generation_config; ValueError where they are none."""
    given = _stored(model).get("stop_strings")
    strings = [] if given is None else [given] if isinstance(given, str) else given
    if not isinstance(strings, (list, tuple)) or not all(isinstance(s, str) and s for s in strings):
        raise ValueError(
            f"generate: stop_strings of {WHERE} are strings that are not empty, not {given!r:.60}; "
            f"del {WHERE}['stop_strings'], or give stop=, ids and strings that end a text"
        )
    return tuple(strings)


def _stored(model: Any) -> Mapping[str, Any]:
    stored = getattr(model, "generation_config", None)
    if stored is not None and not isinstance(stored, Mapping):
        stored = stored.to_dict() if hasattr(stored, "to_dict") else stored
        if not isinstance(stored, Mapping):
            raise TypeError(f"generate: {WHERE} is to be a dict or None, not {stored!r:.60}")
    return stored or {}


def _manner(asked: Mapping[str, Any], stored: Mapping[str, Any]) -> str:
    """How tokens are chosen: "beams", "draws" or "greedy"."""
    samples = stored.get("do_sample")
    if not (samples is None or isinstance(samples, bool)):
        raise ValueError(f"generate: {WHERE} has do_sample {samples!r:.60}; it is true or false")
    beams = stored.get("num_beams")
    beams = 1 if beams is None else as_count(f"num_beams of {WHERE}", beams)
    if beams < 1:
        raise ValueError(f"generate: num_beams of {WHERE} must be 1 or more, not {beams}")
    drawn = DRAWS & set(asked)
    if "num_beams" in asked:
        if as_count("num_beams", asked["num_beams"]) > 1:
            return "beams"
    elif beams > 1 and not drawn:
        if samples:
            raise ValueError(
                f"generate: {WHERE} has do_sample with num_beams {beams}, and beams draw nothing here; give "
                "num_beams to search, or temperature to sample"
            )
        return "beams"
    if drawn or _many(asked):
        return "greedy" if asked.get("temperature", 1) == 0 else "draws"
    return "draws" if samples or (samples is None and beams < 2) else "greedy"


def _many(asked: Mapping[str, Any]) -> bool:
    return as_count("num_return_sequences", asked.get("num_return_sequences", 1)) > 1


def _used(how: str, asked: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterable[str]:
    """The names of what is taken from `stored`."""
    manner = {"beams": BEAMS, "draws": SAMPLING}.get(how, ())
    for name in (*ALWAYS, *manner):
        value = stored.get(name)
        if value is None or name in asked:
            continue
        if name == "top_k" and value == 0:  # transformers' word for all
            continue
        if name == "min_length" and (stored.get("min_new_tokens") is not None or "min_new_tokens" in asked):
            continue  # as in transformers, which sets it by the other then
        if name == "num_return_sequences" and how != "draws" and asked.keys() & (DRAWS | {"num_beams"}):
            continue  # it was for another way of choosing
        yield name
