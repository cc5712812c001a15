"""`tapegrad embed` beside sentence-transformers' `encode`, on folders it wrote and on its older layouts."""

import json
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer, models

from tapegrad.command import main
from tokenizer_cases import byte_pairs, word_pieces

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

TEXTS = ["Once upon a time", "", "there WAS a king who loved Music", "so", "[CLS] a Ärger", "it's 3.50 €"]
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
FLAGS = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20}
LONGEST = 32


@pytest.fixture(scope="module", params=["Bert", "Roberta"])
def written(request, tmp_path_factory):
    """written(to, *layers): a folder by sentence-transformers, with these after the Transformer."""
    base = tmp_path_factory.mktemp("base")
    (word_pieces if request.param == "Bert" else byte_pairs)(base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    if tokenizer.pad_token is None:
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
        end = tokenizer.eos_token, tokenizer.eos_token_id
        around = tokenizers.processors.RobertaProcessing(end, end, add_prefix_space=False)
        tokenizer.backend_tokenizer.post_processor = around
        tokenizer.save_pretrained(base)
    torch.manual_seed(0)
    kinds = getattr(transformers, f"{request.param}Config"), getattr(transformers, f"{request.param}Model")
    about = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "initializer_range": 0.5}
    config = kinds[0](**SIZES, **about, max_position_embeddings=tokenizer.pad_token_id + 60)
    kinds[1](config).save_pretrained(base)

    def write(to, *layers, **options):
        first = models.Transformer(str(base), max_seq_length=LONGEST)
        SentenceTransformer(modules=[first, *layers], device="cpu", **options).save_pretrained(str(to))
        return to

    return write


def edit(path, **settings):
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **settings}))


def vectors(capsys, folder, texts, *arguments):
    options = [word for text in texts for word in ("--text", text)]
    assert main(["embed", str(folder), *arguments, *options]) == 0, capsys.readouterr().err
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def same(capsys, folder, *arguments, texts=TEXTS, **options):
    wanted = SentenceTransformer(str(folder), device="cpu").encode(texts, **options)
    found = vectors(capsys, folder, texts, *arguments)
    np.testing.assert_allclose(found, wanted, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", [*MODES, ["mean", "cls", "max"]])
def test_poolings(mode, written, tmp_path, capsys):
    folder = written(tmp_path, models.Pooling(12, mode))
    same(capsys, folder)
    same(capsys, folder, "--normalize", "--batch-size", "2", normalize_embeddings=True)


def test_length_one(written, tmp_path, capsys):
    same(capsys, written(tmp_path, models.Pooling(12), models.Normalize()))


@pytest.mark.parametrize("flags", [{2}, {0}, {1, 2, 5}, set(), set(range(6))])
def test_the_older_layout(flags, written, tmp_path, capsys):
    """Flags for the pooling; the longest text in a file of its own."""
    folder = written(tmp_path, models.Pooling(12), models.Normalize())
    on = {f"pooling_mode_{name}": i in flags for i, name in enumerate(FLAGS)}
    (folder / "1_Pooling" / "config.json").unlink()
    edit(folder / "1_Pooling" / "config.json", word_embedding_dimension=12, **on)
    (folder / "sentence_bert_config.json").unlink()
    edit(folder / "sentence_bert_config.json", max_seq_length=9, do_lower_case=False)
    edit(folder / "tokenizer_config.json", model_max_length=7)
    same(capsys, folder, "--truncate")


@pytest.mark.parametrize("lower", [False, True])
def test_small_letters(lower, written, tmp_path, capsys):
    folder = written(tmp_path, models.Pooling(12))
    edit(folder / "sentence_bert_config.json", do_lower_case=lower)
    same(capsys, folder)


def test_texts_that_are_too_long(written, tmp_path, capsys):
    folder = written(tmp_path, models.Pooling(12))
    texts = ["king " * 200, *TEXTS]
    same(capsys, folder, "--truncate", texts=texts)
    assert main(["embed", str(folder), "--text", texts[0]]) == 1
    assert f"and the model reads {LONGEST}; --truncate" in capsys.readouterr().err


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_prompts(mode, include, written, tmp_path, capsys):
    prompts = {"query": "a Question: ", "passage": "text: "}
    layer = models.Pooling(12, mode, include_prompt=include)
    folder = written(tmp_path, layer, prompts=prompts, default_prompt_name="passage")
    texts = TEXTS[:1] + TEXTS[2:] if not include else TEXTS
    same(capsys, folder, texts=texts)
    same(capsys, folder, "--prompt", "query", prompt_name="query", texts=texts)
    same(capsys, folder, "--prompt", "query", "--batch-size", "1", prompt_name="query", texts=texts)


def test_other_places(written, tmp_path, capsys):
    """The oldest layout: each layer in a folder of its own, the first too."""
    folder = written(tmp_path, models.Pooling(12, "max"))
    listed = json.loads((folder / "modules.json").read_text())
    inner = folder / "0_BERT"
    inner.mkdir()
    kept = "modules.json", "config_sentence_transformers.json", "1_Pooling", "0_BERT"
    for path in [path for path in folder.iterdir() if path.name not in kept]:
        path.rename(inner / path.name)
    (folder / "1_Pooling").rename(folder / "pool")
    listed[0]["path"], listed[1]["path"] = "0_BERT", "pool"
    (folder / "modules.json").write_text(json.dumps(listed))
    same(capsys, folder)
