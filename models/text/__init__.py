"""Texts as ids and back: the tokenizers of Hugging Face's folders, and two that need no other package.

tokenizer = text.from_pretrained(folder)
ids = tokenizer.encode("Once upon a time")
for piece in tokenizer.stream(model.generate(ids, 100), after=ids):
    print(piece, end="", flush=True)
"""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use

FILES = {  # and what is found there
    "folder": "from_pretrained",
    "plain": "Bytes Characters",
    "streaming": "Stream until",
    "subwords": "Subwords",
    "tokenizer": "Tokenizer",
}
__all__ = sorted(" ".join(FILES.values()).split())

if TYPE_CHECKING:
    from .folder import from_pretrained
    from .plain import Bytes, Characters
    from .streaming import Stream, until
    from .subwords import Subwords
    from .tokenizer import Tokenizer
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
