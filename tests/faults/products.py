"""Faults of products, norms and the matrices made of numbers."""

from .fault import Fault

PRODUCTS = "tests/autograd/test_products.py"
ERRORS = "tests/autograd/test_product_errors.py"
NORMS = "tests/autograd/test_norms.py"
VALUES = "tests/autograd/test_op_values.py"

FAULTS = [
    Fault(
        "autograd/ops/_contract.py",
        "if n != known and (first < i or 1 not in (n, known)):",
        "if n != known and 1 not in (n, known):",
        f"{ERRORS} -k diagonal",
    ),
    Fault(
        "autograd/ops/_contract.py",
        'None if x.dtype.kind == "f" else x.dtype',
        "None",
        f"{PRODUCTS} -k whole_numbers",
    ),
    Fault(
        "autograd/ops/einsum.py",
        "if n != 1 and lengths.get(c, 1) == n",
        "if lengths.get(c, 1) == n",
        f"{PRODUCTS} -k any_letters",
    ),
    Fault(
        "autograd/ops/einsum.py",
        'if all([getattr(x, "dtype", None) == HALF for x in operands]):',
        "if False:",
        f"{PRODUCTS} -k half",
    ),
    Fault(
        "autograd/linalg/norms.py",
        "np.sqrt(np.where(total == 0, np.inf, total))",
        "np.where(total == 0, np.inf, np.sqrt(total))",
        f"{NORMS} -k second",
    ),
    Fault(
        "autograd/linalg/norms.py",
        "return g / np.maximum(count, 1) * ",
        "return g * ",
        f"{NORMS} -k ties",
    ),
    Fault(
        "autograd/linalg/products.py",
        "cost[i, k - 1] + cost[k, j] + lengths[i]",
        "cost[i, k - 1] + cost[k, j] - lengths[i]",
        f"{PRODUCTS} -k cheapest",
    ),
    Fault(
        "autograd/linalg/structured.py",
        "[..., : n * length]",
        "[..., n : n + n * length]",
        "tests/autograd/test_op_gradients.py -k hankel",
    ),
]
