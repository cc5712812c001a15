"""The shape of the repository: which way imports point, what is packaged, what an import loads."""

import ast
import configparser
import graphlib
import importlib
import io
import pkgutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import tapegrad
from tapegrad import nn
from tapegrad.autograd import linalg, ops, special
from tapegrad.autograd.exports import exports

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("autograd", "nn", "models", "command")
MAY_IMPORT = {package: set(FLOORS[: i + 1]) for i, package in enumerate(FLOORS)}
MAY_IMPORT["command"].add("__version__")  # of the face
MAX_LINES = 350

SOURCES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
USER_FOLDERS = ("tests", "examples", "benchmarks")
USERS = sorted(path for folder in USER_FOLDERS for path in (ROOT / folder).rglob("*.py"))


def relative(path):
    return path.relative_to(ROOT).as_posix()


def setup_cfg():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def imported(source, path="outside.py"):
    """Absolute names that `source` imports, had it been read from `path` inside `tapegrad`."""
    package = ["tapegrad", *Path(path).parent.parts]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def circle(sources):
    """Modules of `sources`, by path, each of which imports the one before and the first the last; [] if none.

    Imports inside functions count: what needs one to be loaded stands on the wrong floor.
    """
    modules = {".".join(["tapegrad", *Path(path).with_suffix("").parts]): path for path in sources}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    needed = {}
    for module, path in modules.items():
        names = imported(sources[path], path)
        needed[module] = {name if name in modules else name.rpartition(".")[0] for name in names} - {module}
    try:
        graphlib.TopologicalSorter(needed).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def bare_imports(source, path="outside.py"):
    """Imports of the folders by the names they have on disk, which belong to other projects."""
    return [name for name in imported(source, path) if name.split(".")[0] in MAY_IMPORT]


def layer_errors(source, path):
    """Imports in `source` that point from the layer of `path` to one above it, or use a bare name."""
    allowed = MAY_IMPORT[Path(path).parts[0]]
    inside = [name for name in imported(source, path) if name.split(".")[0] == "tapegrad"]
    upwards = [name for name in inside if name.split(".")[1:2] not in [[layer] for layer in allowed]]
    return upwards + bare_imports(source, path)


def mentions_tensor(source):
    """Names in the code (not in comments or strings) that contain "tensor"."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [t.string for t in tokens if t.type == tokenize.NAME and "tensor" in t.string.lower()]


def python(code, folder):
    """Output of `code` in a new interpreter started in `folder`."""
    return subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_point_one_way(path):
    assert layer_errors(path.read_text(encoding="utf-8"), relative(path)) == []


@pytest.mark.parametrize("path", USERS, ids=relative)
def test_folders_are_not_imported_by_bare_name(path):
    assert bare_imports(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source", "errors"),
    [
        ("autograd/engine.py", "from ..nn import Module", ["tapegrad.nn.Module"]),
        ("autograd/ops/conv.py", "def f():\n  from ...nn.init import ones_", ["tapegrad.nn.init.ones_"]),
        ("autograd/ops/conv.py", "from .. import nn", []),  # would be autograd.nn
        ("autograd/ops/conv.py", "from ... import nn", ["tapegrad.nn"]),
        ("nn/linear.py", "import tapegrad.models.gpt", ["tapegrad.models.gpt"]),
        ("nn/linear.py", "from autograd import grad", ["autograd.grad"]),
        ("models/gpt.py", "def f():\n  from ..command import main", ["tapegrad.command.main"]),
        ("command/graph.py", "from ..models import GPT\nfrom . import usage", []),
        ("nn/__init__.py", "from . import init\nfrom ..autograd import Tensor", []),
        ("models/gpt.py", "from .. import nn\nfrom ..autograd import Tensor", []),
    ],
)
def test_the_import_check_can_fail(path, source, errors):
    assert layer_errors(source, path) == errors


def test_imports_form_no_circle():
    assert circle({relative(path): path.read_text(encoding="utf-8") for path in SOURCES}) == []


@pytest.mark.parametrize(
    ("a", "b", "closed"),
    [
        ("from . import b", "from .a import A", True),
        ("from .b import B", "def f():\n  from . import a", True),
        ("from .b import B", "if TYPE_CHECKING:\n  from .a import A", True),
        ("from .b import B", "from .. import a", False),  # would be the package's `a`
        ("from .b import B", "import a", False),
    ],
)
def test_the_check_for_circles_can_fail(a, b, closed):
    assert bool(circle({"nn/x/__init__.py": "", "nn/x/a.py": a, "nn/x/b.py": b})) is closed


def test_the_engine_does_not_know_tensor():
    source = (ROOT / "autograd" / "engine.py").read_text(encoding="utf-8")
    assert mentions_tensor(source) == []
    assert mentions_tensor("from .tensor import Tensor") == ["tensor", "Tensor"]


def test_packages_in_setup_cfg_are_the_packages_on_disk():
    listed = setup_cfg()["options"]["packages"].split()
    on_disk = {"tapegrad." + ".".join(Path(relative(path)).parent.parts) for path in SOURCES}
    assert sorted(listed) == ["tapegrad", *sorted(on_disk)]
    assert not (ROOT / "tapegrad").exists(), "it would hide the installed package from whoever stands here"
    assert not (ROOT / "tests" / "__init__.py").exists()


@pytest.mark.parametrize("package", sorted({path.parent for path in SOURCES}), ids=relative)
def test_every_package_is_regular_and_typed(package):
    assert (package / "__init__.py").is_file()
    assert (package / "py.typed").is_file()


def test_importing_takes_no_other_projects_name(tmp_path):
    code = """
import sys, tapegrad.nn, tapegrad.models, tapegrad.command
print(*{"autograd", "nn", "models", "command"} & sys.modules.keys())
"""
    assert python(code, tmp_path) == ""


def test_importing_loads_only_numpy_and_the_standard_library(tmp_path):
    # numpy.random is loaded on first use and brings in Cython's helper modules, hence in the state before
    code = """
import sys, numpy, numpy.random
before = set(sys.modules)
import tapegrad.nn, tapegrad.models.text, tapegrad.command
added = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(added - sys.stdlib_module_names - {"numpy", "tapegrad"}))
"""
    assert python(code, tmp_path) == ""


def test_installed_version_is_that_of_setup_cfg(tmp_path):
    code = "from importlib.metadata import version; print(version('tapegrad'))"
    assert python(code, tmp_path) == tapegrad.__version__


def test_the_face_loads_nothing_until_asked(tmp_path):
    code = """
import sys
before = set(sys.modules)
import tapegrad
print(tapegrad.__version__, *sorted(set(sys.modules) - before))
print(tapegrad.nn.Linear.__name__, tapegrad.Tensor([1]))
from tapegrad import Tensor, autograd, models
print(Tensor is autograd.Tensor, {"Tensor", "nn", "models", "__version__"} <= set(dir(tapegrad)))
"""
    given = python(code, tmp_path).splitlines()
    assert given == [f"{tapegrad.__version__} tapegrad", "Linear Tensor([1], dtype=int64)", "True True"]


def test_the_face_says_what_it_has():
    with pytest.raises(AttributeError, match="no attribute 'optim'; it has Tensor, .*nn"):
        tapegrad.optim  # noqa: B018


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("package", [linalg, ops, special], ids=lambda package: package.__name__)
def test_no_file_of_ops_is_hidden_by_what_another_imports(package):
    """By an op of its own alone: `from ..ops import index` was operator.index once."""
    for info in pkgutil.iter_modules(package.__path__):
        path, value = f"{package.__name__}.{info.name}", vars(package)[info.name]
        assert value is sys.modules[path] or (hasattr(value, "facts") and value.__module__ == path), path
    hidden = vars(package) | dict.fromkeys(["index", "norms", "bessel"], len)
    exports(hidden)
    assert hidden == vars(package) | {n: len for n in ("index", "norms", "bessel") if n not in vars(package)}


@pytest.mark.parametrize("package", [nn, nn.functional], ids=lambda package: package.__name__)
def test_names_that_load_a_file_are_those_that_it_exports(package):
    alone = {f"{package.__name__}.{file}" for file, names in package.FILES.items() if names == file}
    for file, names in package.FILES.items():
        module = importlib.import_module(f"{package.__name__}.{file}")
        exported = vars(module).get("__all__") if module.__name__ not in alone else [file]
        assert sorted(exported) == sorted(names.split())
        for name in names.split():
            assert getattr(package, name) is (module if module.__name__ in alone else getattr(module, name))
    files = {info.name for info in pkgutil.iter_modules(package.__path__)}
    loaded_later = set(" ".join(package.FILES.values()).split()) - {name.rpartition(".")[2] for name in alone}
    assert not files & loaded_later, "importing the file would put it in the function's place"
    assert set(package.__all__) <= set(dir(package))


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(AttributeError, match="has no attribute 'Lineal'; did you mean 'Linear'?"):
        nn.Lineal  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'ReLU'?"):
        nn.Relu  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'bilinear'?"):
        nn.functional.bilnear  # noqa: B018
    assert not hasattr(nn, "__wrapped__")
