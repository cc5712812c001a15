"""Writing texts with a model: one `generate` for all, with a cache of what is read.

A model that continues texts has
    hidden(ids (B, T), attention_mask=None, cache=None) -> Tensor (B, T, C), its last hidden states
    head(x) -> Tensor, logits over the vocabulary
and one that answers a source
    encode(source (B, S), attention_mask=None) -> Tensor (B, S, C)
    decode(target (B, T), memory, memory_mask=None, cache=None) -> Tensor (B, T, V), logits;
    with attention_mask=None too, targets of different lengths may be continued.
With a cache, ids are the positions after those that it holds (`Cache`), and attention_mask (B, past + T)
tells tokens from padding for all. Where they are there, these are used too: `context`, the longest text that
it sees; `slides`, whether of a longer one it sees the end; `outgrown(new, past, attention_mask)`, whether
what is cached of `past` positions is of no use in a text with `new` more; `source_context`; and of its config
vocab_size, eos_token_id, pad_token_id and decoder_start_token_id.
"""

from .beams import Hypothesis
from .cache import Cache, mask_of, positions_of, real_of
from .generate import Writes, beam_search, generate
from .settings import Options, Settings

__all__ = [
    "Cache",
    "Hypothesis",
    "Options",
    "Settings",
    "Writes",
    "beam_search",
    "generate",
    "mask_of",
    "positions_of",
    "real_of",
]
