"""Which class is a subclass of which: programs ask with isinstance."""

import inspect

import pytest

from tapegrad import nn

torch = pytest.importorskip("torch")

KINDS = [name for name in nn.__all__ if inspect.isclass(getattr(torch.nn, name, None))]


@pytest.mark.parametrize("name", KINDS)
def test_what_it_is_a_kind_of(name):
    def kinds_of(package):
        kind = getattr(package, name)
        return {other for other in KINDS if issubclass(kind, getattr(package, other))}

    ours, theirs = kinds_of(nn), kinds_of(torch.nn)
    if name.startswith(("LazyBatchNorm", "LazyInstanceNorm")):  # before the first batch too
        ours.discard(name.removeprefix("Lazy"))
    assert ours == theirs
