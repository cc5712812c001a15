"""Write tests/models/pretrained/golden/decoders.json: transformers' numbers of the decoder_cases.

Run it where torch and transformers are installed: python tests/helpers/make_decoder_golden.py
"""

import json
import sys
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))
from decoder_cases import DECODERS, IDS, weights

GOLDEN = Path(__file__).parents[1] / "models" / "pretrained" / "golden" / "decoders.json"


def numbers(settings):
    """Logits after the third and the last of the first text's ids, loss, its slope along
    other weights, and the text that follows.
    """
    config = transformers.AutoConfig.for_model(**settings)
    model = transformers.AutoModelForCausalLM.from_config(config).double().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.tensor(weights(name, tuple(p.shape))))
    ids = torch.tensor(IDS)
    logits = model(ids).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    probes = [
        (p.grad, torch.tensor(weights("along " + n, tuple(p.shape)))) for n, p in model.named_parameters()
    ]
    told = {"do_sample": False, "max_new_tokens": 20, "min_new_tokens": 20, "pad_token_id": 0}
    text = model.generate(ids[:1, :5], use_cache=False, **told)[0, 5:]
    return {
        "logits": [[round(x, 7) for x in logits[0, t].tolist()] for t in (2, -1)],
        "loss": round(loss.item(), 8),
        "slope": round(sum((grad * probe).sum().item() for grad, probe in probes), 7),
        "text": text.tolist(),
    }


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    found = {name: numbers(settings) for name, settings in DECODERS.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
