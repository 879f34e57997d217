"""Seeded faults: edits of the syntax tree of one engine, each to be found by comparing the engines.

A line of `faults.txt` is a fault: what is wrong, the function, an expression or statement that is in it once,
and what takes its place. The function is a qualified name, looked for in all modules of the engine. A single
capital letter stands for any expression, and in the replacement for what it stood for. Indented below are
options that cases have so that the fault matters.

What both engines call (as `arithmetic`, `api`, `cache` and `accounting` of the model) cannot be found wrong
by comparing them: there tests against theory and cases worked out by hand stand (`test_rules.py`,
`test_api.py`, `test_cache.py`, `test_invariants.py`). Their faults are found by what SimPy's engine gave
without them.

`python -m tests.conformance.mutants` prints the faults of the compiled engine that are not found. It needs
`NUMBA_DISABLE_JIT=1`: the engine is then the Python that it is written in.
"""

import ast
import copy
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from dispatch_sim.model.plan import Plan

from .cases import numbered_case
from .comparison import Replication, difference_by, plan_of, simulate_by_simpy, simulate_compiled

CASES = 400
"""At most so many are tried for a fault."""

PACKAGES = {"simpy": "dispatch_sim.model", "compiled": "dispatch_sim.engine"}


class Fault(NamedTuple):
    """A replacement in a function, by structure: its layout, its module and the rest of it do not matter."""

    function: str
    found: str
    put: str


def faults(engine: str) -> dict[str, tuple[Fault, dict[str, str]]]:
    """Return the faults of an engine by what is wrong, each with the options that cases have."""
    found: dict[str, tuple[Fault, dict[str, str]]] = {}
    section = text = ""
    for line in (Path(__file__).parent / "faults.txt").read_text().splitlines():
        if line.endswith(":") and " | " not in line:
            section = line.removesuffix(":")
        elif section != engine or not line:
            continue
        elif line.startswith(" "):
            found[text][1].update(option.split(": ", 1) for option in line.strip().split("; "))
        else:
            text, *fault = line.split(" | ")
            if text in found:
                raise ValueError(f"the {engine} engine has two faults described as '{text}'")
            found[text] = Fault(*fault), {}
    return found


def undetected(engine: str) -> list[str]:
    """Simulate cases with one fault of an engine after another; returns those that make no difference.

    What has found the last fault is tried first for the next one.
    """
    simulate = {"simpy": simulate_by_simpy, "compiled": simulate_compiled}[engine]
    numbers, missed = [*range(CASES)], []
    for text, (fault, fixed) in faults(engine).items():
        for place, number in enumerate(numbers):
            case = _sound(number, tuple(fixed.items()))
            with seeded(engine, fault):
                is_found = difference_by(simulate, *case)
            if is_found:
                assert not difference_by(simulate, *case)
                numbers.insert(0, numbers.pop(place))
                break
        else:
            missed.append(text)
    return missed


@cache
def _sound(number: int, fixed: tuple[tuple[str, str], ...]) -> tuple[Plan, int, Replication]:
    """Return a case, and its result without any fault."""
    case = numbered_case(number, dict(fixed))
    plan = plan_of(case)
    return plan, case.replication, simulate_by_simpy(plan, case.replication)


@contextmanager
def seeded(engine: str, fault: Fault) -> Iterator[None]:
    """Have a fault in an engine, for as long as the context lasts.

    Raises
    ------
    ValueError : there is not one such function, or what is to be replaced is not in it once.
    """
    function, faulty = _edited(engine, fault)
    sound = function.__code__
    function.__code__ = faulty
    try:
        yield
    finally:
        function.__code__ = sound


@cache
def _edited(engine: str, fault: Fault) -> tuple[FunctionType, CodeType]:
    function = _function(engine, fault.function)
    return function, edited(function, fault)


def _function(engine: str, name: str) -> FunctionType:
    package = importlib.import_module(PACKAGES[engine])
    found = []
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        value: Any = importlib.import_module(module.name)
        for part in name.split("."):
            value = getattr(value, part, None)
        value = getattr(value, "fget", value)
        if isinstance(value, FunctionType) and value.__module__ == module.name:
            found.append(value)
    if len(found) != 1:
        raise ValueError(f"{len(found)} functions of {package.__name__} are called {name}")
    return found[0]


def edited(function: FunctionType, fault: Fault) -> CodeType:
    """Return a function's code with a fault in it."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    editor = _Editor(_parse(fault.found), _parse(fault.put))
    editor.visit(definition)
    if editor.count != 1:
        raise ValueError(f"{fault.function} has {fault.found} {editor.count} times")
    # Around it a function whose arguments are what it has from outside, such as the class of `super()`.
    free = ", ".join(function.__code__.co_freevars)
    tree = ast.parse(f"from __future__ import annotations\ndef around({free}): pass")
    tree.body[1].body = [definition]  # type: ignore[attr-defined]
    code = compile(ast.fix_missing_locations(tree), inspect.getfile(function), "exec")
    for name in ("around", definition.name):  # next to the code of default arguments
        inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        [code] = [each for each in inner if each.co_name == name]
    return code


def _parse(text: str) -> ast.AST:
    [statement] = ast.parse(text).body
    return statement.value if isinstance(statement, ast.Expr) else statement


class _Editor(ast.NodeTransformer):
    def __init__(self, found: ast.AST, put: ast.AST) -> None:
        self.found, self.put, self.count = found, put, 0

    def visit(self, node: ast.AST) -> Any:
        bound: dict[str, ast.AST] = {}
        if _matches(self.found, node, bound):
            self.count += 1
            return _Filler(bound).visit(copy.deepcopy(self.put))
        return self.generic_visit(node)


class _Filler(ast.NodeTransformer):
    """Puts in what capital letters stand for."""

    def __init__(self, bound: dict[str, ast.AST]) -> None:
        self.bound = bound

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return copy.deepcopy(self.bound.get(node.id, node))


def _matches(pattern: Any, node: Any, bound: dict[str, ast.AST]) -> bool:
    """Whether a node has the structure of a pattern; notes what capital letters stand for."""
    if isinstance(pattern, ast.Name) and len(pattern.id) == 1 and pattern.id.isupper():
        is_same = pattern.id not in bound or ast.dump(bound[pattern.id]) == ast.dump(node)
        bound.setdefault(pattern.id, node)
        return is_same and isinstance(node, ast.expr)
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(
            _matches(one, other, bound) for one, other in zip(pattern, node, strict=True)
        )
    if not isinstance(pattern, ast.AST):
        return bool(pattern == node)
    return type(pattern) is type(node) and all(
        _matches(getattr(pattern, field), getattr(node, field), bound)
        for field in pattern._fields
        if field not in ("ctx", "kind", "type_comment")
    )


if __name__ == "__main__":
    print(*undetected("compiled"), sep="\n", end="")
