"""The program as a whole: help, exit codes, errors of one line, how soon it starts and how it ends."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tapegrad
from tapegrad.command import COMMANDS, main

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

MODULES = {name: import_module(f"tapegrad.command.{name}") for name in COMMANDS}


def test_help_says_what_there_is_and_gives_an_example(process):
    code, out, err = process("--help")
    assert (code, err) == (0, "")
    assert all(f"\n    {name} " in out for name in COMMANDS)
    assert "  tapegrad generate gpt2/ --prompt" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command, program, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = program(command, "--help")
    assert code == 0
    assert MODULES[command].SUMMARY in out and MODULES[command].EXAMPLE in out
    assert out.startswith(f"usage: tapegrad {command} ")
    assert f"\nexamples:\n  tapegrad {command} " in out or f"| tapegrad {command} " in out
    assert max(map(len, out.splitlines())) <= 80


def test_help_loads_neither_numpy_nor_models(tmp_path):
    code = """
import sys
from tapegrad.command import COMMANDS, main
for arguments in ["--help"], ["--version"], *([name, "--help"] for name in COMMANDS), ["generate"]:
    try:
        main(arguments)
    except SystemExit:
        pass
names = {name for name in sys.modules if name.startswith(("numpy", "tapegrad.", "jinja2", "tokenizers"))}
print("\\nloaded", *sorted(name for name in names if not name.startswith("tapegrad.command")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded"


def test_version(program):
    assert program("--version") == (0, f"tapegrad {tapegrad.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "tapegrad: the following arguments are required: COMMAND (see tapegrad --help)"),
        (["sing"], "tapegrad: argument COMMAND: invalid choice: 'sing'"),
        (["generate"], "tapegrad generate: the following arguments are required: FOLDER"),
        (["inspect", "x", "--sum"], "tapegrad: unrecognized arguments: --sum"),
        (["graph", "x", "--depth", "two"], "tapegrad graph: argument --depth: invalid int value: 'two'"),
        (["graph", "x", "--length", "0"], "tapegrad graph: --length is to be 1 or more, not 0"),
        (["embed", "x", "--batch-size", "0"], "tapegrad embed: --batch-size is to be 1 or more, not 0"),
        (["embed", "x", "-o", "x.txt"], "tapegrad embed: -o is the name of a .npy file, not 'x.txt'"),
        (["generate", "x", "--system", "a"], "tapegrad generate: --system is for --chat"),
        (["generate", "x", "--chat", "--echo"], "tapegrad generate: --echo is for a text"),
        (["generate", "x", "--stop", ""], "tapegrad generate: --stop '' is in every text"),
        (
            ["generate", "x", "--temperature", "-1"],
            "tapegrad generate: temperature must be 0 (greedy) or more",
        ),
        (["generate", "x", "--num-beams", "2", "--seed", "1"], "tapegrad generate: num_beams=2 looks for"),
        (
            ["generate", "x", "--max-new-tokens", "-1"],
            "tapegrad generate: --max-new-tokens is to be 0 or more",
        ),
    ],
)
def test_arguments_that_are_none(arguments, message, program):
    code, out, err = program(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message) and err.count("\n") == 1 and "--help)" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "none", "--prompt", "a"], "from_pretrained: no folder 'none'; a model of the Hub is"),
        (["graph", "none"], "from_pretrained: no folder 'none'"),
        (["embed", "none", "--text", "a"], "from_pretrained: no folder 'none'"),
        (["inspect", "none"], "no file at none"),
    ],
)
def test_errors_are_one_line(arguments, message, program):
    code, out, err = program(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith(f"tapegrad {arguments[0]}: {message}") and err.count("\n") == 1


def test_an_error_in_a_process(process, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"nonsense" * 2)
    code, out, err = process("inspect", tmp_path / "a.safetensors")
    assert (code, out) == (1, "")
    assert "cannot be read as safetensors" in err and err.count("\n") == 1


def test_a_traceback_is_there_for_who_wants_it(program):
    with pytest.raises(FileNotFoundError, match="no file at none"):
        program("inspect", "none", "--traceback")


def test_a_fault_of_the_program_says_its_class(program, monkeypatch):
    def faulty(path, entry):
        raise ArithmeticError("one\n  and another")

    monkeypatch.setattr("tapegrad.nn.load_weights", faulty)
    code, _, err = program("inspect", "x")
    assert code == 1
    assert err == "tapegrad inspect: ArithmeticError: one and another (--traceback tells where)\n"


@pytest.mark.parametrize("arguments", [("embed",), ("generate", "--max-new-tokens", "1")], ids=lambda a: a[0])
def test_streams_that_are_closed(arguments, program, folders, monkeypatch):
    """Python has None for them, as after `<&- >&-` in a shell."""
    command, *rest = arguments
    folder = folders / ("bert" if command == "embed" else "llama")
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr("sys.stdout", None)
    assert main([command, str(folder), *rest]) == 0
    sys.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c(start, folders):
    """Between two tokens, of which there would be many."""
    with start("generate", folders / "llama", "--prompt", "a", "--max-new-tokens", "500") as started:
        started.stdout.read(1)
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=100)
    assert started.returncode == 130
    assert err == b"\n"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_while_it_waits(start, folders):
    with start("generate", folders / "llama", "--chat") as started:
        started.stdin.write(b"hi\n")
        started.stdin.flush()
        while started.stdout.read(1) != b"\n":
            pass
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=100) == 130
        assert b"Traceback" not in started.stderr.read()


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize(
    "arguments", [["inspect"], ["generate", "--prompt", "a", "--seed", "1"]], ids=lambda a: a[0]
)
def test_who_reads_may_leave(arguments, start, folders):
    """The pipe is closed before anything is written."""
    command, *rest = arguments
    with start(command, folders / "llama", *rest) as started:
        started.stdout.close()
        assert started.stderr.read() == b""
    assert started.returncode == 141


def test_the_installed_program_is_the_same():
    from importlib.metadata import entry_points

    found = [point for point in entry_points(group="console_scripts") if point.name == "tapegrad"]
    if not found:
        pytest.skip("the package is not installed, or was before it had a program")
    assert found[0].load() is sys.modules["tapegrad.command"].main


def test_the_commands_of_the_readme_do_what_it_says(folders, tmp_path):
    """With the folder of a tiny model, of the first kind that fits."""
    _, _, block = README.partition("pip install '.[text]'\n")
    lines = block.partition("```")[0].splitlines()
    assert [line.split()[1] for line in lines] == ["generate", "generate", "embed", "graph", "inspect"]
    shutil.copy(folders / "gpt2" / "model.safetensors", tmp_path)
    (tmp_path / "lines.txt").write_text("one\ntwo\n")
    if not shutil.which("dot"):
        lines = [line for line in lines if "graph" not in line]
    for line in lines:
        folder = folders / ("bert" if "embed" in line else "llama")
        program = f"{shlex.quote(sys.executable)} -m tapegrad"
        command = line.replace("tapegrad", program, 1).replace("FOLDER", shlex.quote(str(folder)))
        done = subprocess.run(command, shell=True, cwd=tmp_path, input="", capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), (line, done.stderr)
    assert (tmp_path / "vectors.jsonl").read_text().count("\n") == 2
    assert not shutil.which("dot") or (tmp_path / "model.svg").read_text().count("<svg") == 1
