"""The ops, one line for each way of calling them: the table that the tests of the ops run over.

    case(op, reference, *args, domain=normal, saves="", **attrs)

In `args` a tuple is the shape of a random input, a list of tuples a list of random inputs, and anything
else (an array, a number, a string) is passed as it is. `reference` computes the same from ndarrays in
another way. `saves` names the arrays that the op's backward holds on to when all gradients are wanted,
those in `attrs` apart. A topic's cases stand in the file of its name.
"""

import importlib
import pkgutil

_topics = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
CASES = [case for topic in _topics for case in getattr(topic, "CASES", ())]
COMPOSED = [case for topic in _topics for case in getattr(topic, "COMPOSED", ())]  # of functions made of ops
