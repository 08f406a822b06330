"""Imports point down only, as the design's picture of the house says: this test walks every import of the package."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "pyggc"
CUPY_MODULE = "pyggc.backends.cuda"

# From the ground up. A room may import what lies on a lower floor; rooms on one floor do not see one another.
FLOORS = (
    {"_npy", "arguments", "atomic", "errors", "cursor", "gaussians", "pixels"},
    {"_native"},
    {"backends"},
    {"quantize", "transforms", "entropy", "render", "evaluate"},
    {"fit", "residual", "container"},
    {"rate"},
    {"codec"},
    {"", "_build_info"},  # pyggc/__init__.py, which only gathers the public names
    {"_arguments", "_figures", "_png16", "_terminal", "imagefile", "batch", "cli", "pillow_plugin", "plot", "__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
LEAVES, ROOT, TOP = 0, FLOOR_OF[""], len(FLOORS) - 1

# On these floors rooms do see one another: the leaves may (never in a circle, which Python would refuse), the
# package tells its version to its build report, and the shells on top share their file reading.
OPEN_FLOORS = {LEAVES, ROOT, TOP}

# The compiled kernels are reached through a backend; what turns floats to integers
# and integers to bytes has kernels that exist on a CPU only.
NATIVE_USERS = {"_native", "backends", "entropy", "quantize", "transforms", "residual", "evaluate", "_build_info", ""}


class Import(NamedTuple):
    """One import: the module it stands in, the module it names, the functions and classes around it, its line."""

    module: str
    target: str
    scope: str
    line: int


# A convenience of the user's: the arrays know how to draw themselves. What lies inside a target is excepted with it.
EXCEPTIONS = {
    ("pyggc.gaussians", "pyggc.render", f"Gaussians2D.{method}") for method in ("render", "_repr_html_", "_repr_png_")
}

DYNAMIC_IMPORTS = {"import_module", "__import__"}
CYTHON_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<source>[\w.]+)[ \t]+c?import|c?import[ \t]+(?P<name>[\w.]+))", re.MULTILINE
)


def module_of(path: Path) -> str:
    parts = ("pyggc", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def exists(module: str) -> bool:
    """Whether the dotted name is a module of the package, rather than a name inside one."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return base.is_dir() or any(base.with_suffix(suffix).exists() for suffix in (".py", ".pyx"))


def targets_of(node: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = node.module or ""
        if node.level:
            base = module.split(".")
            base = base[: len(base) - node.level + is_package]
            source = ".".join([*base, source] if source else base)
        for alias in node.names:
            inner = f"{source}.{alias.name}"
            yield inner if source.startswith("pyggc") and exists(inner) else source
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        if name in DYNAMIC_IMPORTS and isinstance(node.args[0].value, str):
            yield node.args[0].value


def walk(node: ast.AST, scope: tuple[str, ...] = ()) -> Iterator[tuple[ast.AST, str]]:
    for child in ast.iter_child_nodes(node):
        yield child, ".".join(scope)
        named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        yield from walk(child, (*scope, child.name) if named else scope)


def imports_in(source: str, module: str, is_package: bool) -> list[Import]:
    return [
        Import(module, target, scope, node.lineno)
        for node, scope in walk(ast.parse(source))
        for target in targets_of(node, module, is_package)
    ]


def cython_imports_in(source: str, module: str) -> list[Import]:
    return [
        Import(module, match["source"] or match["name"], "", source.count("\n", 0, match.start()) + 1)
        for match in CYTHON_IMPORT.finditer(source)
    ]


def all_imports() -> list[Import]:
    found = []
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in {".py", ".pyi"}:
            found += imports_in(path.read_text(), module_of(path), path.stem == "__init__")
        elif path.suffix in {".pyx", ".pxd", ".pxi"}:
            found += cython_imports_in(path.read_text(), module_of(path))
    return found


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def is_excepted(entry: Import) -> bool:
    return any(
        (entry.module, entry.scope) == (module, scope) and f"{entry.target}.".startswith(f"{target}.")
        for module, target, scope in EXCEPTIONS
    )


def fault(entry: Import) -> str | None:
    """Say what is wrong with an import, or None."""
    where = f"{entry.module}, line {entry.line}: imports {entry.target}"
    top = entry.target.split(".")[0]
    if top in {"cupy", "cupyx", "cupy_backends"}:
        return None if entry.module == CUPY_MODULE else f"{where}; only {CUPY_MODULE} may"
    if top != "pyggc":
        return None
    here, there = room_of(entry.module), room_of(entry.target)
    unknown = {here, there} - FLOOR_OF.keys()
    if unknown:
        return f"{where}; {unknown} has no floor in this test's table"
    if here == there or is_excepted(entry):
        return None
    if there == "_native" and here not in NATIVE_USERS:
        return f"{where}; only {sorted(NATIVE_USERS)} may"
    if FLOOR_OF[here] < FLOOR_OF[there]:
        return f"{where}, which is on a higher floor"
    if FLOOR_OF[here] == FLOOR_OF[there] and FLOOR_OF[here] not in OPEN_FLOORS:
        return f"{where}, which is on the same floor"
    return None


def test_every_import_of_the_package_points_down():
    imports = all_imports()
    assert any(entry.target.startswith("pyggc.") for entry in imports), "the walk found nothing"
    faults = [message for message in map(fault, imports) if message]
    assert not faults, "\n".join(faults)


def test_every_module_has_a_floor():
    rooms = {room_of(module_of(path)) for path in PACKAGE.rglob("*.py")}
    assert rooms <= FLOOR_OF.keys()


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("pyggc.codec", "from pyggc.fit import fit", False),
        ("pyggc.fit", "from pyggc import evaluate", False),
        ("pyggc.fit", "import pyggc.codec", True),
        ("pyggc.fit", "from pyggc import container", True),
        ("pyggc.render", "from ..fit import x", True),
        ("pyggc.container", "from .header import Header", False),
        ("pyggc.container.header", "from . import limits", False),
        ("pyggc.container.header", "from ..errors import GgcError", False),
        ("pyggc.errors", "from .entropy import x", True),
        ("pyggc.entropy", "from pyggc._native import _x", False),
        ("pyggc.container", "from pyggc._native import _x", True),
        ("pyggc.backends.cuda", "import cupy as cp", False),
        ("pyggc.backends.cpu", "import cupy", True),
        ("pyggc.entropy", "def f():\n    from cupyx import y", True),
        ("pyggc.fit", "def f():\n    import pyggc.cli", True),
        ("pyggc.fit", "import importlib\nimportlib.import_module('pyggc.cli')", True),
        ("pyggc.fit", "from pyggc import __version__", True),
        ("pyggc.cli", "from pyggc import __version__, batch", False),
        ("pyggc.nowhere", "import pyggc.errors", True),
        ("pyggc.gaussians", "class Gaussians2D:\n    def render(self):\n        import pyggc.render", False),
        ("pyggc.gaussians", "class Gaussians2D:\n    def render(self):\n        import pyggc.render.rasterize", False),
        ("pyggc.gaussians", "class Gaussians2D:\n    def scaled(self):\n        import pyggc.render", True),
        ("pyggc.gaussians", "import pyggc.render", True),
    ],
)
def test_the_walk_tells_right_from_wrong(module, source, wrong, monkeypatch):
    # The rooms of a whole house, whether they are built yet or not.
    packages = {"pyggc.fit", "pyggc.render", "pyggc.container"}
    monkeypatch.setitem(globals(), "exists", lambda name: name.count(".") == 1 and not name.endswith("__version__"))
    entries = imports_in(source, module, is_package=module in packages)
    assert any(map(fault, entries)) is wrong


def test_cython_imports_are_seen():
    source = "cimport numpy as cnp\nfrom libc.math cimport exp\nif True:\n    from pyggc.codec import encode\n"
    entries = cython_imports_in(source, "pyggc._native._x")
    assert [entry.target for entry in entries] == ["numpy", "libc.math", "pyggc.codec"]
    assert [bool(fault(entry)) for entry in entries] == [False, False, True]
