"""Where binding.py puts operators and methods; bound.pyi, which is generated, tells their types."""


class Bound:
    """Base of Tensor: what is made of the facts that stand on ops."""

    __slots__ = ()
