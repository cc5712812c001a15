"""Writing texts with a model: the cache, choosing tokens, beams."""

from .cache import Cache, mask_of, positions_of, real_of

__all__ = ["Cache", "mask_of", "positions_of", "real_of"]
