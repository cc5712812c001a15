"""Folders of tiny models, and the program run on them as a user runs it."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

from tapegrad import models
from tapegrad.command import main
from tapegrad.models import pretrained
from tapegrad.models.text import Bytes

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
CHAT = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
SETTINGS = {
    "gpt2": {
        "model_type": "gpt2",
        "vocab_size": 259,
        "n_positions": 64,
        "n_embd": 12,
        "n_layer": 2,
        "n_head": 3,
        "eos_token_id": 257,
    },
    "llama": {
        "model_type": "llama",
        "vocab_size": 259,
        "hidden_size": 16,
        "intermediate_size": 20,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "eos_token_id": 257,
        "tie_word_embeddings": True,
    },
    "bert": {
        "model_type": "bert",
        "vocab_size": 259,
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 20,
        "max_position_embeddings": 32,
        "pad_token_id": 258,
        "architectures": ["BertModel"],
    },
    "t5": {
        "model_type": "t5",
        "vocab_size": 259,
        "d_model": 12,
        "d_kv": 5,
        "d_ff": 20,
        "num_layers": 2,
        "num_heads": 3,
        "decoder_start_token_id": 258,
        "eos_token_id": 257,
    },
    "vit": {
        "model_type": "vit",
        "hidden_size": 12,
        "num_hidden_layers": 1,
        "num_attention_heads": 3,
        "intermediate_size": 20,
        "image_size": 12,
        "patch_size": 4,
        "architectures": ["ViTForImageClassification"],
    },
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A folder with each of these models and a tokenizer of bytes, by their names."""
    found = tmp_path_factory.mktemp("folders")
    for name, settings in SETTINGS.items():
        kind = getattr(models, pretrained.CLASSES[settings["model_type"]])
        model = kind(kind.config_class.from_dict(settings))
        for path, parameter in model.named_parameters():
            if parameter.ndim > 1:  # so large that texts are not one letter again and again
                parameter.data[...] = np.random.default_rng(list(path.encode())).normal(
                    0, 0.4, parameter.shape
                )
        model.save_pretrained(found / name)
        if name != "vit":
            Bytes(SPECIAL, CHAT).save_pretrained(found / name)
    return found


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """start(*arguments, **options of Popen): the program as a process of its own, in another folder."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments, **options):
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
        environment.pop("PYTHONUNBUFFERED", None)
        given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        command = [sys.executable, "-m", "tapegrad", *map(str, arguments)]
        return subprocess.Popen(command, cwd=elsewhere, env=environment, **given)

    return run


@pytest.fixture(scope="session")
def process(start):
    """process(*arguments, given=b""): exit code, standard output and standard error of the program."""

    def run(*arguments, given=b""):
        with start(*arguments) as started:
            out, err = started.communicate(given, timeout=100)
        return started.returncode, out.decode(), err.decode()

    return run


@pytest.fixture
def program(capsys, monkeypatch):
    """program(*arguments, given=""): the same without a process of its own, which takes less time."""

    def run(*arguments, given=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run
