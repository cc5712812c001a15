"""Faults planted in what replicas tell of a step."""

from .fault import Fault

FAULTS = [
    Fault(
        "nn/parallel/replicas.py",
        "return self._self.norm",
        "return min(self._self.norm, self._self.max_norm)",
        "tests/examples/test_log.py::test_the_norm_is_that_before_clipping",
    ),
]
