"""Compiles the engine's functions together, each once, with the types of its annotations.

All use of numba's internals is here. Numba itself compiles each called function into a library of its own,
for every combination of types, and optimises it with all that it calls: two minutes for the engine. Here all
functions are compiled into the library of the entry point, which is optimised once.
"""

import gc
import inspect
import typing
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from llvmlite import ir
from numba import types
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.core.typing.templates import signature
from numba.extending import intrinsic, models, register_model

from dispatch_sim.engine.layout import dtype_of, fields_of
from dispatch_sim.interruption import uninterrupted

_in_library: WeakKeyDictionary[Any, dict[FunctionType, Any]] = WeakKeyDictionary()
"""The functions that each library under construction already contains."""


@cache
def _source(function: FunctionType) -> FunctionType:
    """Return a function that calls the compiled versions of functions, with numbers for enumerations."""
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        value = names.get(name)
        if isinstance(value, FunctionType) and value.__module__.startswith("dispatch_sim."):
            names[name] = _callable(value)
        elif isinstance(value, type) and issubclass(value, IntEnum):
            names[name] = _numbers(value)
    return FunctionType(function.__code__, names, function.__name__)


@cache
def _numbers(enumeration: type[IntEnum]) -> ModuleType:
    """Return a module with the members of an enumeration as plain numbers, which can index arrays."""
    module = ModuleType(enumeration.__name__)
    vars(module).update({member.name: int(member) for member in enumeration})
    return module


@cache
def _callable(function: FunctionType) -> Any:
    """Return what compiled code calls in place of a function, which is compiled into its caller's library."""

    def typed(typingctx: Any, *arguments: Any) -> Any:
        of = _signature(function, arguments)
        for given, taken in zip(arguments, of.args, strict=True):
            if isinstance(given, types.Float) and isinstance(taken, types.Integer):
                raise TypingError(f"{function.__name__} would cut the decimals of a number")
        return of, call

    def call(context: Any, builder: Any, of: Any, arguments: Any) -> Any:
        library = context.active_code_library
        made = _in_library.setdefault(library, {})
        if function not in made:
            made[function] = compiler.compile_internal(
                context.typing_context,
                context,
                library,
                _source(function),
                of.args,
                of.return_type,
                _flags(),
                {},
            ).fndesc
        return context.call_internal(builder, made[function], of, arguments)

    first = inspect.Parameter("typingctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    untyped: Any = typed
    untyped.__signature__ = inspect.Signature([first, *inspect.signature(function).parameters.values()])
    untyped.__name__, untyped.__doc__ = function.__name__, function.__doc__
    return intrinsic(untyped)


def _signature(function: FunctionType, arguments: tuple[Any, ...] = ()) -> Any:
    """Return the types of a function: of its annotations, or that of the argument in place of `self`."""
    hints = _hints(function)
    types_of = [numba_type(hint) for name, hint in hints.items() if name != "return"]
    return signature(numba_type(hints["return"]), *arguments[: len(arguments) - len(types_of)], *types_of)


_hints = cache(typing.get_type_hints)

_NUMBERS: dict[Any, types.Type] = {
    int: types.int64,
    float: types.float64,
    bool: types.boolean,
    type(None): types.none,
}


class _RecordType(types.Record):
    """The type of a record under a short name; numba would spell out all fields in each symbol."""

    def __init__(self, record: type) -> None:
        dtype: Any = dtype_of(record)
        fields: Any = [
            (name, {"type": _field_type(kind), "offset": dtype.fields[name][1]})
            for name, kind in fields_of(record).items()
        ]
        super().__init__(fields, dtype.itemsize, True)
        self.name = f"{record.__module__.removeprefix('dispatch_sim.')}.{record.__name__}"

    def __repr__(self) -> str:
        return self.name


register_model(_RecordType)(models.RecordModel)


def _field_type(kind: Any) -> types.Type:
    if typing.get_origin(kind) is not typing.Annotated:
        return types.int64 if kind is bool else numba_type(kind)
    inner, *shape = typing.get_args(kind)
    return types.NestedArray(_field_type(typing.get_args(inner)[0]), tuple(shape))


@cache
def numba_type(hint: Any) -> types.Type:
    """Return the type of an annotation: a number, a record, or a tuple of numbers."""
    if typing.get_origin(hint) is tuple:
        return types.Tuple([numba_type(part) for part in typing.get_args(hint)])
    return _NUMBERS.get(hint) or _RecordType(hint)


def _flags() -> Any:
    flags: Any = compiler.Flags()
    flags.no_compile = flags.no_rewrites = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    return flags


class _Library(JITCodeLibrary):
    """A library whose only visible function is its entry, so that LLVM can inline and drop all others."""

    entry = ""

    def add_llvm_module(self, ll_module: Any) -> None:
        with uninterrupted():
            super().add_llvm_module(ll_module)

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.name != self.entry:
                function.linkage = "internal"
        super()._optimize_final_module()


def lower(function: Callable[..., Any], symbol: str) -> str:
    """Return the optimised LLVM code of a function and all that it calls.

    It is called as in C by its symbol, with addresses for its records.
    """
    collects = gc.isenabled()
    gc.disable()  # millions of small objects, of which few are garbage: a tenth of the time
    try:
        with global_compiler_lock:
            library: Any = _Library(cpu_target.target_context.codegen(), "dispatch_sim")
            library.entry = symbol
            library.add_ir_module(_entry(library, function, symbol))
            with uninterrupted():
                library.finalize()
            return str(library.get_llvm_str())
    finally:
        if collects:
            gc.enable()


def _entry(library: Any, function: Any, symbol: str) -> Any:
    """Compile a function into a library, and return a module in which C can call it."""
    context: Any = cpu_target.target_context
    of = _signature(function)
    made = compiler.compile_extra(
        cpu_target.typing_context, context, _source(function), of.args, of.return_type, _flags(), {}, library
    )
    module = library.create_ir_module(symbol)
    c_types = [context.get_value_type(argument) for argument in of.args]
    c_type = ir.FunctionType(context.get_value_type(of.return_type), c_types)
    c_function = ir.Function(module, c_type, symbol)
    builder = ir.IRBuilder(c_function.append_basic_block())
    native = context.declare_function(module, made.fndesc)
    _, returned = context.call_conv.call_function(builder, native, of.return_type, of.args, c_function.args)
    builder.ret(returned)
    return module
