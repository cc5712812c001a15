"""Write tests/models/pretrained/golden/encoders.json: transformers' numbers of the encoder_cases.

Run it where torch and transformers are installed: python tests/helpers/make_encoder_golden.py
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))
from encoder_cases import BERTS, REAL, T5S, TARGET, VITS, images, model_of, sample, texts, types
from pretrained_pairs import exact_norms

GOLDEN = Path(__file__).parents[1] / "models" / "pretrained" / "golden" / "encoders.json"


def theirs(settings, name):
    """Their model with the weights that ours has."""
    with tempfile.TemporaryDirectory() as folder:
        model_of(settings).save_pretrained(folder)
        model = getattr(transformers, name).from_pretrained(folder)
    exact_norms(model)
    return model


def numbers(model, **given):
    """Samples of the outputs, the length of the gradient of their squares' means."""
    given = {name: x if isinstance(x, bool) else torch.tensor(x) for name, x in given.items()}
    found = model(**given)
    outputs = [found.logits] if "logits" in found else [found.last_hidden_state, found.pooler_output]
    real = given.get("attention_mask")
    kept = [x[real.bool()] if real is not None and x.shape[:2] == real.shape else x for x in outputs]
    sum((x**2).mean() for x in kept).backward()
    square = sum((p.grad**2).sum().item() for p in model.parameters() if p.grad is not None)
    return {"outputs": [sample(x).detach().numpy().round(10).tolist() for x in outputs], "slope": square**0.5}


def all_numbers():
    mask = REAL.astype(int)
    for name, settings in BERTS.items():
        model = theirs(settings, settings["architectures"][0])
        yield (
            name,
            numbers(model, input_ids=texts(settings), attention_mask=mask, token_type_ids=types(settings)),
        )
    for name, settings in T5S.items():
        kind = "MT5ForConditionalGeneration" if name == "mt5" else "T5ForConditionalGeneration"
        model, source = theirs(settings, kind), texts(settings)
        found = numbers(model, input_ids=source, attention_mask=mask, decoder_input_ids=TARGET)
        start = settings.get("decoder_start_token_id", 0)
        told = {
            "eos_token_id": 1,
            "max_new_tokens": 20,
            "min_new_tokens": 20,
            "decoder_start_token_id": start,
        }
        text = model.generate(torch.tensor(source[1:2, :7]), do_sample=False, use_cache=False, **told)
        yield name, {**found, "text": text[0].tolist()}
    for name, settings in VITS.items():
        yield name, numbers(theirs(settings, settings["architectures"][0]), pixel_values=images(settings))
    larger = images({**VITS["vit"], "image_size": [20, 16]})
    model = theirs(VITS["vit"], "ViTForImageClassification")
    yield "vit larger", numbers(model, pixel_values=larger, interpolate_pos_encoding=True)


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in all_numbers()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
