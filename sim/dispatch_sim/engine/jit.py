"""How the engine's functions are compiled: all of them together, each once, as its annotations say.

All use of numba's internals is here. Numba compiles every function that another one calls as a library of its own,
for every combination of types, and optimises it together with all that it calls in turn: two minutes for the
functions of the engine. Here a function has the types of its annotations and is compiled into the library of the
entry point, which is then optimised in one go.
"""

from __future__ import annotations

import gc
import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from functools import cache
from types import FunctionType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from llvmlite import ir
from numba import types
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.core.typing.templates import signature
from numba.extending import intrinsic, models, register_model

from dispatch_sim.engine.linking import IS_PYTHON
from dispatch_sim.engine.records import dtype_of
from dispatch_sim.interruption import uninterrupted

Function = TypeVar("Function", bound=Callable[..., Any])

_NUMBERS: dict[Any, types.Type] = {
    int: types.int64,
    float: types.float64,
    bool: types.boolean,
    type(None): types.none,
}

_in_library: WeakKeyDictionary[Any, dict[FunctionType, Any]] = WeakKeyDictionary()
"""Of each library that is being made, the compiled functions that are in it."""


def compiled(function: Function, **called: Any) -> Function:
    """Return a function that compiled code can call, to be compiled as a part of what calls it.

    Parameters
    ----------
    function : its arguments and result are numbers, records, or tuples of numbers, as its annotations say.
    called : compiled functions that it calls by these names, in place of the Python functions of its module.
    """
    if IS_PYTHON:
        return function
    source: Any = function
    if called:
        source = FunctionType(source.__code__, {**source.__globals__, **called}, source.__name__)
        source.__annotations__ = function.__annotations__
    hints = typing.get_type_hints(source)
    result = _type_of(hints.pop("return"))
    of: Any = signature(result, *map(_type_of, hints.values()))

    def typed(typingctx: Any, *arguments: Any) -> Any:
        return of, call

    def call(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        library = context.active_code_library
        made = _in_library.setdefault(library, {})
        if source not in made:
            made[source] = compiler.compile_internal(
                context.typing_context, context, library, source, of.args, of.return_type, _flags(), {}
            ).fndesc
        return context.call_internal(builder, made[source], of, arguments)

    first = inspect.Parameter("typingctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    untyped: Any = typed
    untyped.__signature__ = inspect.Signature([first, *inspect.signature(source).parameters.values()])
    untyped.__name__, untyped.__doc__ = source.__name__, source.__doc__
    return typing.cast(Function, intrinsic(untyped))


class _RecordType(types.Record):
    """The type of a record, under its class's name: numba spells out all fields instead, over and over."""

    def __init__(self, record: type) -> None:
        dtype: Any = dtype_of(record)
        hints = typing.get_type_hints(record, include_extras=True)
        fields: Any = [
            (name, {"type": _field_type(hint), "offset": dtype.fields[name][1]})
            for name, hint in hints.items()
        ]
        super().__init__(fields, dtype.itemsize, True)
        self.name = record.__name__

    def __repr__(self) -> str:
        return self.name


register_model(_RecordType)(models.RecordModel)


def _field_type(hint: Any) -> types.Type:
    if typing.get_origin(hint) is not typing.Annotated:
        return types.int64 if hint is bool else _type_of(hint)
    inner, *shape = typing.get_args(hint)
    return types.NestedArray(_field_type(typing.get_args(inner)[0]), tuple(shape))


@cache
def _type_of(hint: Any) -> types.Type:
    if typing.get_origin(hint) is tuple:
        return types.Tuple([_type_of(part) for part in typing.get_args(hint)])
    return _NUMBERS.get(hint) or _RecordType(hint)


def _flags() -> Any:
    flags: Any = compiler.Flags()
    flags.no_compile = flags.no_rewrites = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    return flags


class _Library(JITCodeLibrary):
    """A library of which nothing is visible but its entry points, so that LLVM is free with all the rest."""

    entries: Collection[str] = ()

    def add_llvm_module(self, ll_module: Any) -> None:
        with uninterrupted():
            super().add_llvm_module(ll_module)

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.name not in self.entries:
                function.linkage = "internal"
        super()._optimize_final_module()


def lower(entries: Mapping[str, Callable[..., Any]]) -> str:
    """Return functions and all that they call in LLVM's language, optimised.

    Parameters
    ----------
    entries : functions by the symbols that they get. Each is called as in C, with addresses for its records.
    """
    collects = gc.isenabled()
    gc.disable()  # millions of small objects, of which few are garbage: a tenth of the time
    try:
        with global_compiler_lock:
            library: Any = _Library(cpu_target.target_context.codegen(), "dispatch_sim")
            library.entries = entries
            for symbol, function in entries.items():
                _add_entry(library, symbol, function)
            with uninterrupted():
                library.finalize()
            return str(library.get_llvm_str())
    finally:
        if collects:
            gc.enable()


def _add_entry(library: Any, symbol: str, function: Callable[..., Any]) -> None:
    context: Any = cpu_target.target_context
    hints = typing.get_type_hints(function)
    result = _type_of(hints.pop("return"))
    arguments = tuple(map(_type_of, hints.values()))
    made = compiler.compile_extra(
        cpu_target.typing_context, context, function, arguments, result, _flags(), {}, library
    )
    module = library.create_ir_module(symbol)
    types_in_c = [context.get_value_type(of) for of in arguments]
    in_c = ir.Function(module, ir.FunctionType(context.get_value_type(result), types_in_c), symbol)
    builder = ir.IRBuilder(in_c.append_basic_block())
    native = context.declare_function(module, made.fndesc)
    _, returned = context.call_conv.call_function(builder, native, result, arguments, in_c.args)
    builder.ret(returned)
    library.add_ir_module(module)
