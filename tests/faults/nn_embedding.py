"""Faults planted in embeddings, bags, sparse gradients and the sums of rows that repeat."""

from .fault import Fault

ADDING = "tests/autograd/test_adding.py"
SPARSE = "tests/autograd/test_sparse.py"
VALUES = "tests/autograd/test_op_values.py -k embedding"
TABLES = "tests/nn/test_embedding.py"

FAULTS = [
    Fault("nn/functional/_tables.py", "kept = rows != padding_idx", "kept = rows >= 0", TABLES),
    Fault("nn/functional/_tables.py", "over = norms > max_norm", "over = norms >= 0", TABLES),
    Fault("nn/functional/_tables.py", "        versions.mark_written(table)\n", "", TABLES),
    Fault("nn/functional/_tables.py", "    if shared.get():", "    if not ids.shape:", TABLES),
    Fault("nn/functional/_tables.py", "    return row % n", "    return row", TABLES),
    Fault("nn/functional/bags.py", "divisor = np.maximum(counts, 1)", "divisor = counts", TABLES),
    Fault("nn/functional/bags.py", 'side="right") - 1', 'side="left")', TABLES),
    Fault(
        "nn/functional/bags.py",
        "            g = g / divisor\n",
        "            g = g / divisor * 1.001\n",
        "tests/autograd/test_op_gradients.py::test_gradient -k embedding_bag",
    ),
    Fault("nn/functional/bags.py", "out if bool(filled.all()) else", "out if count else", TABLES),
    Fault(
        "nn/functional/linear.py",
        "weight.transpose(1, 0, 2)",
        "weight.transpose(1, 2, 0)",
        "tests/nn/test_bilinear.py",
    ),
    Fault("nn/optim/adam.py", 'group["eps"] / root', 'group["eps"]', "tests/nn/test_embedding.py -k eps"),
    Fault("nn/optim/sgd.py", "b[rows] += g * (1 -", "b[rows] = g * (1 -", TABLES),
    Fault("nn/optim/sparse.py", "                gradients[place] = None\n", "", TABLES),
    Fault("nn/utils/clip_grad.py", "p.grad = p.grad.coalesce()", "p.grad = p.grad.copy()", TABLES),
    Fault("nn/captures.py", "if any(isinstance(g, SparseRows)", "if not any(", TABLES),
    Fault(
        "autograd/sparse.py",
        "            parts = [self.coalesce(), other.coalesce()]\n",
        "            pass\n",
        SPARSE,
    ),
    Fault("autograd/engine.py", "g.read_only() if type(g) is SparseRows else g", "g", SPARSE),
    Fault("autograd/derivatives.py", "isinstance(g, SparseRows)", "g is outputs", SPARSE),
    Fault(
        "autograd/adding.py",
        "values[some].ravel()",
        "values[some].reshape(-1)",
        "tests/autograd -k embedding",
    ),
    Fault("autograd/adding.py", "at.reshape(-1).astype(np.intp, copy=False)", "at.reshape(-1)", TABLES),
    Fault(
        "autograd/adding.py",
        "np.add.reduce(part, 1, None, total",
        "np.maximum.reduce(part, 1, None, total",
        ADDING,
    ),
]
