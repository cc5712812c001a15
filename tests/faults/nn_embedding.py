"""Faults planted in embeddings, bags, sparse gradients and the sums of rows that repeat."""

from .fault import Fault

ADDING = "tests/autograd/test_adding.py::"
SPARSE = "tests/autograd/test_sparse.py::"
BAGS = "tests/nn/test_bags.py::"
TABLES = "tests/nn/test_embedding.py::"
TRAINED = "tests/nn/test_sparse_gradients.py::"

LAYERS = [
    Fault(
        "nn/functional/_tables.py",
        "kept = rows != padding_idx",
        "kept = rows >= 0",
        f"{TABLES}test_the_padding_has_no_gradient",
    ),
    Fault(
        "nn/functional/_tables.py",
        "over = norms > max_norm",
        "over = norms >= 0",
        f"{TABLES}test_rows_are_held_to_a_norm_in_place",
    ),
    Fault(
        "nn/functional/_tables.py",
        "        versions.mark_written(table)\n",
        "",
        f"{TABLES}test_an_op_that_saved_the_table_notices",
    ),
    Fault("nn/functional/_tables.py", "    if shared.get():", "    if 0:", f"{TRAINED}test_replicas_refuse"),
    Fault(
        "nn/functional/_tables.py",
        "    return row % n",
        "    return row",
        f"{TABLES}test_the_padding_has_no_gradient",
    ),
    Fault(
        "nn/functional/bags.py",
        "divisor = np.maximum(counts, 1)",
        "divisor = counts + 1e-9",
        f"{BAGS}test_bags",
    ),
    Fault("nn/functional/bags.py", 'side="right") - 1', 'side="left")', f"{BAGS}test_bags"),
    Fault(
        "nn/functional/bags.py",
        "            g = g / divisor\n",
        "            g = g / divisor * 1.001\n",
        "tests/autograd/test_op_gradients.py::test_gradient -k embedding_bag",
    ),
    Fault(
        "nn/functional/bags.py",
        "out if bool(filled.all()) else",
        "out if filled.size else",
        f"{BAGS}test_bags",
    ),
    Fault(
        "nn/functional/linear.py",
        "weight.transpose(1, 0, 2)",
        "weight.transpose(1, 2, 0)",
        "tests/nn/test_bilinear.py::test_its_numbers_and_gradients",
    ),
]

TRAINING = [
    Fault(
        "nn/optim/adam.py",
        'group["eps"] / root',
        'group["eps"]',
        f"{TRAINED}test_eps_stands_beside_the_root_as_in_sparse_adam",
    ),
    Fault(
        "nn/optim/sgd.py",
        "b[rows] += g * ",
        "b[rows] = g * ",
        f"{TRAINED}test_sgd_with_sparse_gradients_is_sgd",
    ),
    Fault(
        "nn/optim/optimizer.py",
        "            self.check_sparse(buffers[table.buffer][0])\n",
        "            pass\n",
        f"{TRAINED}test_weight_decay_is_refused_before_anything_changes",
    ),
    Fault(
        "nn/utils/clip_grad.py",
        "p.grad = g.coalesce()",
        "p.grad = g.copy()",
        f"{TRAINED}test_gradients_are_cleared_and_clipped",
    ),
    Fault(
        "nn/captures.py",
        "if any(isinstance(g, SparseRows) for",
        "if any(g is SparseRows for",
        f"{TRAINED}test_what_is_not_replayed_says_so",
    ),
    Fault(
        "nn/parallel/worker.py",
        "if isinstance(g, SparseRows):",
        "if g is SparseRows:",
        f"{TRAINED}test_replicas_refuse",
    ),
]

SUMS = [
    Fault(
        "autograd/sparse.py",
        "parts = [self.coalesce(), other.coalesce()]",
        "pass",
        f"{SPARSE}test_many_sums_do_not_grow",
    ),
    Fault(
        "autograd/engine.py",
        "g.read_only() if type(g) is SparseRows else g",
        "g",
        f"{SPARSE}test_hooks_see_rows_and_may_replace_them",
    ),
    Fault(
        "autograd/walks.py",
        "isinstance(g, SparseRows)",
        "g is SparseRows",
        f"{SPARSE}test_grad_gives_whole_ones_also_of_higher_order",
    ),
    Fault(
        "autograd/adding.py",
        "values[some].ravel()",
        "values[some].reshape(-1)",
        "tests/autograd/test_op_values.py::test_gradient_of_a_broadcast_seed -k embedding",
    ),
    Fault(
        "autograd/adding.py",
        "at.reshape(-1).astype(np.intp, copy=False)",
        "at.reshape(-1)",
        f"{TABLES}test_small_ids_do_not_overflow",
    ),
    Fault(
        "autograd/adding.py",
        "np.add.reduce(part, 1, out=",
        "np.fmax.reduce(part, 1, out=",
        f"{ADDING}test_rows_are_summed_in_segments",
    ),
]

FAULTS = LAYERS + TRAINING + SUMS
