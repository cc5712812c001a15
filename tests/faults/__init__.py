"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them.

A topic's faults stand in the file of its name.
"""

import importlib
import pkgutil

from .fault import ROOT, Fault

_topics = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
FAULTS = [fault for topic in _topics for fault in getattr(topic, "FAULTS", ())]

__all__ = ["FAULTS", "ROOT", "Fault"]
