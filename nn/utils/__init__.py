"""What a training loop needs beside layers and optimizers: gradients clipped, parameters rewritten."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use

FILES = {  # and what is found there
    "clip_grad": "clip_grad_norm_ clip_grad_value_ clip_grads_with_norm_ get_total_norm",
    "convert_parameters": "parameters_to_vector vector_to_parameters",
    "fusion": "fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights",
    "old_norms": "remove_spectral_norm remove_weight_norm spectral_norm weight_norm",
    "parametrizations": "parametrizations",
    "parametrize": "parametrize",
    "prune": "prune",
    "recompute": "checkpoint_sequential",
    "rnn": "rnn",
    "skipping": "no_init skip_init",
}
__all__ = sorted(" ".join(FILES.values()).split())

if TYPE_CHECKING:
    from . import parametrizations, parametrize, prune, rnn
    from .clip_grad import *
    from .convert_parameters import *
    from .fusion import *
    from .old_norms import *
    from .recompute import *
    from .skipping import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
