"""Faults planted in the optimizers that see whole parameters, and in what is saved of them."""

from .fault import Fault

WHOLE = "tests/nn/test_optim_whole.py::"

FAULTS = [
    Fault(
        "nn/optim/adafactor.py",
        'max(group["eps"][1], _rms(p))',
        "_rms(p)",
        f"{WHOLE}test_update_follows_its_formula -k eps-d-foreach",
    ),
    Fault(
        "nn/optim/adafactor.py",
        "np.minimum(exact, np.finfo(average.dtype).max) if narrow else exact",
        "exact",
        f"{WHOLE}test_float16_is_computed_in_float32 -k Adafactor",
    ),
    Fault(
        "nn/optim/adafactor.py",
        "eps * eps, out=u",
        "eps, out=u",
        f"{WHOLE}test_update_follows_its_formula -k eps-d-foreach",
    ),
    Fault(
        "nn/optim/muon.py",
        "math.sqrt(max(1, m / n))",
        "math.sqrt(max(1, n / m))",
        f"{WHOLE}test_update_follows_its_formula -k Muon",
    ),
    Fault(
        "nn/optim/muon.py",
        "x.shape[0] > short else (x, False)",
        "x.shape[0] < short else (x, False)",
        f"{WHOLE}test_a_step_of_muon_is_nearly_orthogonal",
    ),
]
