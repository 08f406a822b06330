"""Every Cython module has a stub, and both tell the same names and signatures."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest

NATIVE = Path(__file__).parents[1] / "pyggc" / "_native"
MODULES = sorted(path.stem for path in NATIVE.glob("*.pyx"))


def parameters_of_stub(function: ast.FunctionDef) -> list[tuple[str, bool]]:
    """Name and "has a default" of each parameter, in order, with "*" before the keyword-only ones."""
    args = function.args
    positional = args.posonlyargs + args.args
    with_default = len(positional) - len(args.defaults)
    found = [(arg.arg, index >= with_default) for index, arg in enumerate(positional)]
    if args.kwonlyargs:
        found.append(("*", False))
    return found + [(a.arg, d is not None) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)]


def parameters_of(function: object) -> list[tuple[str, bool]]:
    """The same of a compiled function."""
    found = []
    for parameter in inspect.signature(function).parameters.values():  # type: ignore[arg-type]
        if parameter.kind is parameter.KEYWORD_ONLY and ("*", False) not in found:
            found.append(("*", False))
        found.append((parameter.name, parameter.default is not parameter.empty))
    return found


def is_property(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "property" for node in function.decorator_list)


def compare(members: list[ast.stmt], owner: ModuleType | type, where: str) -> None:
    """Fail where the stub's members and those of the module or class differ."""
    functions = {node.name: node for node in members if isinstance(node, ast.FunctionDef)}
    classes = {node.name: node for node in members if isinstance(node, ast.ClassDef)}
    values = {
        node.target.id for node in members if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    module = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    # What a module imports tells another home; plain values tell none.
    public = {
        name
        for name, value in vars(owner).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", module) in (module, None)
    }
    stubbed = {name for name in {*functions, *classes, *values} if not name.startswith("_")}
    assert stubbed == public, f"{where}: the stub and the module name different things"

    for name, function in functions.items():
        if name.startswith("_"):  # Cython shows no signature of __init__ and its like.
            continue
        if is_property(function):
            assert inspect.isdatadescriptor(getattr(owner, name)), f"{where}.{name}"
        else:
            assert parameters_of_stub(function) == parameters_of(getattr(owner, name)), f"{where}.{name}"
    for name, node in classes.items():
        compare(node.body, getattr(owner, name), f"{where}.{name}")


def test_there_are_native_modules() -> None:
    assert MODULES


@pytest.mark.parametrize("name", MODULES)
def test_stub_agrees_with_module(name: str) -> None:
    stub = NATIVE / f"{name}.pyi"
    assert stub.is_file(), f"{name}.pyx needs a {stub.name}"
    module = importlib.import_module(f"pyggc._native.{name}")
    compare(ast.parse(stub.read_text()).body, module, name)


def test_no_stub_without_module() -> None:
    assert sorted(path.stem for path in NATIVE.glob("*.pyi")) == MODULES
