"""The program on folders that transformers wrote, beside what it makes of them."""

import json

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import numpy as np

from tapegrad.command import main
from tokenizer_cases import CHATS, TEMPLATES, byte_pairs, word_pieces


@pytest.fixture
def writer(tmp_path):
    """A folder with a tiny Llama, its tokenizer and template, and both as transformers has them."""
    byte_pairs(tmp_path, chat_template=TEMPLATES["chatml"])
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=320,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.5,
        bos_token_id=0,
        eos_token_id=[0, 2],
        pad_token_id=0,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    model.save_pretrained(tmp_path)
    return tmp_path, model, transformers.AutoTokenizer.from_pretrained(tmp_path)


def continued(model, tokenizer, ids):
    new = model.generate(torch.tensor([ids]), max_new_tokens=30, do_sample=False)[0, len(ids) :]
    return tokenizer.decode(new, skip_special_tokens=True)


def test_a_text(writer, capsys):
    folder, model, tokenizer = writer
    prompt = "The king said: it's 3.50 €"
    assert main(["generate", str(folder), "--prompt", prompt, "--max-new-tokens", "30"]) == 0
    assert capsys.readouterr().out == continued(model, tokenizer, tokenizer.encode(prompt)) + "\n"


def test_a_message(writer, capsys):
    folder, model, tokenizer = writer
    said = CHATS[0][0]["content"]
    assert main(["generate", str(folder), "--chat", "--prompt", said, "--max-new-tokens", "30"]) == 0
    ids = tokenizer.apply_chat_template(CHATS[0], add_generation_prompt=True)["input_ids"]
    assert capsys.readouterr().out == continued(model, tokenizer, ids) + "\n"


def test_vectors(tmp_path, capsys):
    word_pieces(tmp_path)
    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=20,
        initializer_range=0.5,
    )
    model = transformers.BertModel(config).eval()
    model.save_pretrained(tmp_path)
    texts = ["Once upon a time", "there was a king who loved music", "so"]
    read = tokenizer(texts, padding=True, return_tensors="pt")
    mask = read["attention_mask"][..., None]
    with torch.no_grad():
        states = model(**read).last_hidden_state
    wanted = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1))
    assert main(["embed", str(tmp_path), "--normalize", *(w for t in texts for w in ("--text", t))]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)


def test_files_of_torch(tmp_path, capsys):
    shared = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)
    weights = {"a": shared, "tied": shared, "b": torch.tensor([1.5, -2.0], dtype=torch.float64)}
    torch.save({"model": weights, "epoch": 3}, tmp_path / "all.bin")
    assert main(["inspect", str(tmp_path / "all.bin")]) == 1
    assert "give one of those in it: entry='model'" in capsys.readouterr().err
    assert main(["inspect", str(tmp_path / "all.bin"), "--entry", "model", "--sums"]) == 0
    *rows, total = capsys.readouterr().out.splitlines()
    assert [row.split() for row in rows[1:]] == [
        ["a", "BF16", "2x3", "12", "15", "0", "5"],
        ["tied", "BF16", "2x3", "12", "15", "0", "5", "=", "a"],
        ["b", "F64", "2", "16", "-0.5", "-2", "1.5"],
    ]
    assert total == "2 tensors of BF16, F64, 1 more names of the same: 8 numbers, 28 B"
