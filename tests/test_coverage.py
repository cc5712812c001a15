"""docs/coverage.md: every function of NumPy is in it, and what it says is so."""

import re

import numpy as np
import pytest

import make_coverage
from leaves import leaf
from tapegrad.autograd import Tensor

FUNCTIONS = make_coverage.functions()
PAGE = make_coverage.PAGE.read_text(encoding="utf-8")
ABSENT = [  # and called by NumPy's protocol
    name
    for name, fn in FUNCTIONS.items()
    if make_coverage.kind(name, fn) == "absent" and hasattr(fn, "_implementation")
]


def test_the_page_is_what_is_made_of_the_facts():
    version = ".".join(np.__version__.split(".")[:2])
    if f"NumPy {version}." not in PAGE:
        pytest.skip(f"the page is about another NumPy than {version}")
    assert make_coverage.page() == PAGE, "run python tests/helpers/make_coverage.py"
    assert "?" not in PAGE, "a function without a case"


def test_what_has_a_gradient_can_be_differentiated_any_number_of_times():
    """One that cannot would say so, and the page why."""
    orders = re.findall(r"^\| `.*` \| (\w+) \| [0-9 ]*\|$", PAGE, re.MULTILINE)
    assert len(orders) > 250 and set(orders) == {"any", "zero"}


def test_every_function_of_numpy_has_been_thought_of():
    assert [name for name, fn in FUNCTIONS.items() if not make_coverage.kind(name, fn)] == []


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_absent_says_so(name):
    """As the function itself calls it with the arguments that it takes."""
    x, fn = leaf(2, 2), FUNCTIONS[name]
    with pytest.raises(
        TypeError, match=rf"np\.{name} (has no gradient here|would lose the gradient).*\.detach\(\)"
    ):
        x.__array_function__(fn, (Tensor,), (x,), {})
