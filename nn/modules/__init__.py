"""Modules by the topics of nn.functional: parameters, checks that name the layer, one call of a function.

What PyTorch has in torch.nn.modules and its files is found under these names too.
"""

import sys

from .elsewhere import elsewhere, torch_files

for _name, _file in torch_files().items():
    globals()[_name] = sys.modules[_file.__name__] = _file
__getattr__ = elsewhere(__name__)
