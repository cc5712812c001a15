"""The list of planted faults has not rotted, and its runner tells a caught fault from all else."""

import ast
import os
from functools import cache

import pytest

import planted_faults
from faults import FAULTS, ROOT, Fault


@cache
def dumped(file):
    return ast.dump(parsed(file))


@cache
def parsed(file):
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.file}:{fault.right[:30]}")
def test_a_fault_can_be_planted_and_has_its_tests(fault):
    """It raises if the right line is not there once."""
    assert ast.dump(ast.parse(fault.planted())) != dumped(fault.file)
    file, _, name = fault.path.partition("::")
    assert not name or name in [test.name for test in parsed(file).body if isinstance(test, ast.FunctionDef)]


def test_no_fault_is_there_twice():
    planted = [(fault.file, fault.planted()) for fault in FAULTS]
    assert len(planted) == len(set(planted))


def test_a_line_that_is_gone_or_there_twice_is_an_error():
    for right in ("not there", "return"):
        with pytest.raises(ValueError, match="not once"):
            Fault("nn/init.py", right, "", "").planted()


@pytest.fixture(scope="module")
def runner():
    if not hasattr(os, "fork"):
        pytest.skip("the runner forks")
    with planted_faults.Runner() as runner:
        yield runner


FINE = "from tapegrad.nn import init\ndef test(): assert init.zeros_(1) == 'wrong'"
# A process that tests start imports the copy as well, and ends with them.
ELSEWHERE = """
import subprocess, sys
from tapegrad.nn import init

def test():
    code = "import tapegrad.nn.init; print(tapegrad.nn.init.__file__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert found.strip() == init.__file__
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
"""


@pytest.mark.parametrize(
    "tests, said",
    [
        (FINE, "passed"),
        ("from tapegrad.nn import init\ndef test(): assert init.zeros_(1) == 'right'", "failed"),
        ("def test(): assert False", "never loaded the file"),
        ("from tapegrad.nn import nothing", "did not run: exit code 102"),
        ("import os, tapegrad.nn.init\ndef test(): os._exit(0)", "did not run: exit code 0"),
        ("import os\ndef test(): os.kill(os.getpid(), 9)", "did not run: exit code -9"),
        (ELSEWHERE, "passed"),
    ],
)
def test_what_the_runner_says(runner, tmp_path, tests, said):
    file = tmp_path / "test_it.py"
    file.write_text(tests)
    fault = Fault("nn/init.py", "return _fill(tensor, 0)", "return 'wrong'", str(file))
    outcome = runner.run(fault.arguments, fault)
    assert outcome.said == said, outcome.printed


def test_a_run_knows_nothing_of_the_one_before(runner, tmp_path):
    """Not what was planted or compiled: both texts are equally long, and written within a second."""
    file = tmp_path / "test_it.py"
    file.write_text(FINE)
    for wrong, said in (("'wrong'", "passed"), ("'right'", "failed"), ("'wrong'", "passed")):
        fault = Fault("nn/init.py", "_fill(tensor, 0)", wrong, str(file))
        assert runner.run(fault.arguments, fault).said == said
    assert runner.run([str(file)]).said == "failed"


def test_a_run_without_end_is_ended(runner, tmp_path):
    file = tmp_path / "test_it.py"
    file.write_text("import time\ndef test(): time.sleep(1000)")
    assert runner.run([str(file)], seconds=1).said == "ran for 1 s"


def test_a_test_that_is_named_is_run_alone(runner, tmp_path):
    file = tmp_path / "test_it.py"
    file.write_text(f"{FINE}\ndef test_other(): assert False")
    fault = Fault("nn/init.py", "return _fill(tensor, 0)", "return 'wrong'", f"{file}::test")
    assert runner.run(fault.arguments, fault).said == "passed"


def test_the_runner_goes_on_where_a_line_is_gone(runner):
    outcome = runner.run([], Fault("nn/init.py", "not there", "", ""))
    assert "cannot be planted" in outcome.said and "not once" in outcome.failure()
