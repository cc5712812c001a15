"""Small tokenizers of each kind that folders have, trained here on a few lines, and chat templates."""

import json

LINES = [
    "Once upon a time there was a king who loved music, naïve as he was.",
    "The king said: it's 3.50 € — or 4 £, isn't it? 😀 Über 10 000 people came.",
    "她说你好，世界。 こんにちは Привет, мир!",
    "def f(x):\n    return x  # two  spaces\tand a tab\n\n",
] * 3
TEXTS = [
    *LINES[:4],
    "",
    " ",
    " leading, and trailing ",
    "👩‍👩‍👧 é é \u200b ﷽ 𝔘𝔫𝔦",
    "a <s> b</s> <|endoftext|>[SEP]",
    "UPPER\r\nlower\n",
]
TEMPLATES = {
    "chatml": "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "strict": """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('roles must alternate user/assistant') }}
    {%- endif %}
    {%- if loop.first and system is defined %}{{ '<<' ~ system ~ '>> ' }}{% endif %}
    {%- if message['role'] == 'user' %}
        {{- '[INST] ' + message['content'] | trim + ' [/INST]' }}
    {%- else %}
        {{- ' ' + message['content'] + eos_token }}
    {%- endif %}
{%- endfor %}
""",
    "blocks": """{% set ns = namespace(seen=0) %}
  {# a comment #}
{% for message in messages %}
    {% if message.name is defined %}({{ message.name }}){% endif %}
  {% if message.role == 'note' %}{% continue %}{% endif %}
{{ message.role }}: {% generation %}{{ message.content }}{% endgeneration %}

  {% set ns.seen = ns.seen + 1 %}
  {% if ns.seen == 3 %}{% break %}{% endif %}
{% endfor %}
{{ messages | tojson }} {{ messages[0] | tojson(indent=2) }} {{ strftime_now('%%') }}
{% if tools %}{{ tools | length }}{% else %}no tools{% endif %}
{{ [1, 2, 3] | join(',') }} {{ pad_token | default('none') }}{% if add_generation_prompt %}
assistant:
{%- endif %}
""",
}
CHATS = [
    [{"role": "user", "content": "Hi & <b>"}],
    [{"role": "system", "content": " be brief "}, {"role": "user", "content": "Why?\n"}],
    [
        {"role": "user", "content": "你好"},
        {"role": "assistant", "content": "Hello 😀", "name": None},
        {"role": "user", "content": "  more"},
    ],
]


def write(folder, tokenizer, **config):
    """A folder as transformers saves them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", **config}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    return folder


def byte_pairs(folder, **config):
    """GPT-2's kind: pairs of bytes, a space at the beginning of a word."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    tokens = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    return write(folder, tokenizer, **tokens, **config)


def fallback(folder, **config):
    """Llama 2's kind: pairs of characters, bytes for those that are not known, a space before the text."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    letters = Tokenizer(models.BPE(unk_token="<unk>"))
    letters.normalizer = normalizers.Replace(" ", "▁")
    letters.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    special = ["<unk>", "<s>", "</s>"]
    alphabet = [chr(i) for i in range(97, 123)] + ["▁"]
    trainer = trainers.BpeTrainer(
        vocab_size=120,
        special_tokens=special,
        initial_alphabet=alphabet,
        limit_alphabet=60,
        show_progress=False,
    )
    letters.train_from_iterator(LINES[:1], trainer)
    model = json.loads(letters.to_str())["model"]
    vocabulary = {token: i for i, token in enumerate(special)}
    for token in [*(f"<0x{i:02X}>" for i in range(256)), *sorted(model["vocab"], key=model["vocab"].get)]:
        vocabulary.setdefault(token, len(vocabulary))
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 1)])
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return write(folder, tokenizer, **tokens, **config)


def word_pieces(folder, **config):
    """BERT's kind, saved as sentence-transformers does: to cut and pad by itself."""
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(LINES, vocab_size=200, show_progress=False)
    tokenizer = BertWordPieceTokenizer(dict(tokenizer.get_vocab()), lowercase=True)
    tokenizer.enable_truncation(6)
    tokenizer.enable_padding(length=6)
    names = {name: f"[{name[:-6].upper()}]" for name in ("unk_token", "sep_token", "pad_token", "cls_token")}
    return write(folder, tokenizer, **names, **config)


def unigram(folder, **config):
    """T5's kind: the likeliest pieces, a mark after the text."""
    from tokenizers import SentencePieceUnigramTokenizer, processors

    tokenizer = SentencePieceUnigramTokenizer()
    special = ["<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        LINES, vocab_size=150, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        "$A </s>", "$A </s> $B </s>", [("</s>", tokenizer.token_to_id("</s>"))]
    )
    tokens = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return write(folder, tokenizer, **tokens, **config)


KINDS = {"byte_pairs": byte_pairs, "fallback": fallback, "word_pieces": word_pieces, "unigram": unigram}


def as_before_tokenizer_json(folder, renamed=()):
    """The vocabulary in the files of the time, in place of tokenizer.json; some tokens by other names."""
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    vocabulary = {dict(renamed).get(token, token): i for token, i in model["vocab"].items()}
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    if model["type"] == "WordPiece":
        (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)))
    else:
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        merges = "\n".join(" ".join(pair) for pair in model["merges"])
        (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
