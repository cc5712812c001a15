"""The list of planted faults has not rotted, and its runner tells a caught fault from all else."""

import ast
from functools import cache

import pytest

import planted_faults
from faults import FAULTS, ROOT, Fault


@cache
def parsed(file):
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.file}:{fault.right[:30]}")
def test_a_fault_can_be_planted_and_has_its_tests(fault):
    """It raises if the right line is not there once."""
    assert ast.dump(ast.parse(fault.planted())) != ast.dump(parsed(fault.file))
    file, _, name = fault.path.partition("::")
    assert not name or name in [test.name for test in parsed(file).body if isinstance(test, ast.FunctionDef)]


def test_no_fault_is_there_twice():
    planted = [(fault.file, fault.planted()) for fault in FAULTS]
    assert len(planted) == len(set(planted))


def test_a_line_that_is_gone_or_there_twice_is_an_error():
    for right in ("not there", "return"):
        with pytest.raises(ValueError, match="not once"):
            Fault("nn/init.py", right, "", "").planted()


@pytest.mark.parametrize(
    "tests, said",
    [
        ("from tapegrad.nn import init\ndef test(): assert init.zeros_(1) == 'wrong'", "passed"),
        ("from tapegrad.nn import init\ndef test(): assert init.zeros_(1) == 'right'", "failed"),
        ("def test(): assert False", "never loaded the file"),
        ("from tapegrad.nn import nothing", "did not run: exit code 102"),
    ],
)
def test_what_the_runner_says(tmp_path, tests, said):
    file = tmp_path / "test_it.py"
    file.write_text(tests)
    fault = Fault("nn/init.py", "return _fill(tensor, 0)", "return 'wrong'", str(file))
    assert planted_faults.run(fault.arguments, fault).said == said


def test_the_runner_goes_on_where_a_line_is_gone():
    outcome = planted_faults.run([], Fault("nn/init.py", "not there", "", ""))
    assert "cannot be planted" in outcome.said and "not once" in outcome.failure()
