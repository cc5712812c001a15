"""Faults planted in how processes are forked."""

from .fault import Fault

TESTS = "tests/nn/test_forking.py::"

FAULTS = [
    Fault(
        "nn/parallel/forking.py",
        "if _all_asleep(others):",
        "if others:",
        f"{TESTS}test_other_threads_rest_until_python_is_given_away",
    ),
    Fault(
        "nn/parallel/forking.py",
        "sys.setswitchinterval(patience)",
        "sys.setswitchinterval(1e-5)",
        f"{TESTS}test_other_threads_rest_until_python_is_given_away",
    ),
    Fault(
        "nn/parallel/forking.py",
        "Forking.interrupt = error",
        "pass",
        f"{TESTS}test_ctrl_c_just_before_the_fork_is_not_lost",
    ),
    Fault(
        "nn/parallel/forking.py",
        "signal.pthread_sigmask(signal.SIG_SETMASK, allowed)",
        "pass",
        f"{TESTS}test_ctrl_c_just_before_the_fork_is_not_lost",
    ),
    Fault(
        "nn/parallel/forking.py",
        "with Forking.turn, numpy_lock():",
        "with Forking.turn:",
        f"{TESTS}test_random_numbers_are_not_locked_in_the_copy",
    ),
]
