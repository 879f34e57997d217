"""How the engine's functions are compiled: all of them together, each once, as its annotations say.

Numba compiles every function that another one calls as a library of its own, for every combination of types and of
literal numbers that it is called with, and optimises it together with all that it calls in turn. For the hundred and
forty functions of the engine that are some four hundred libraries, and two minutes. A *routine* has the types of its
annotations and is compiled into the library of the entry point that uses it, which is then optimised in one go.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numba import types
from numba.core import compiler
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from dispatch_sim.dispatch.compiled.layout import Floats, Integers, State
from dispatch_sim.dispatch.compiled.reference import STATE
from dispatch_sim.dispatch.compiled.store import IS_PLAIN

Function = TypeVar("Function", bound=Callable[..., Any])

_TYPES: dict[Any, types.Type] = {
    State: STATE,
    int: types.int64,
    float: types.float64,
    bool: types.boolean,
    type(None): types.none,
    np.uint64: types.uint64,
    Floats: types.float64[::1],
    Integers: types.int64[::1],
}

_compiled: WeakKeyDictionary[Any, dict[FunctionType, Any]] = WeakKeyDictionary()
"""Of each library that is being made, the routines that are in it."""


def routine(function: Function, **called: Any) -> Function:
    """Return a function that compiled code can call, to be compiled as a part of what calls it.

    Parameters
    ----------
    function : with annotations that are in the table above, or tuples of such.
    called : routines that it calls by these names, in place of the Python functions of its module.

    Without numba's compiler (`NUMBA_DISABLE_JIT=1`) it stays the Python function that it is.
    """
    if IS_PLAIN:
        return function
    source: Any = function
    if called:
        source = FunctionType(source.__code__, {**source.__globals__, **called}, source.__name__)
        source.__annotations__ = function.__annotations__
    of = _signature(source)

    def typed(typingctx: Any, *arguments: Any) -> Any:
        return of, _call

    def _call(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        library = context.active_code_library
        made = _compiled.setdefault(library, {})
        if source not in made:
            made[source] = _compile(context, library, source, of)
        return context.call_internal(builder, made[source], of, arguments)

    first = inspect.Parameter("typingctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    typed.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [first, *inspect.signature(source).parameters.values()]
    )
    typed.__name__ = source.__name__
    typed.__doc__ = source.__doc__
    made: Any = intrinsic(typed)
    return made


def _compile(context: Any, library: Any, function: FunctionType, of: Any) -> Any:
    """Compile a routine into a library; returns its description, by which it is called."""
    typing_context = context.typing_context
    made = compiler.compile_internal(
        typing_context, context, library, function, of.args, of.return_type, flags(), {}
    )
    return made.fndesc


def flags() -> Any:
    """Return the flags that all of the engine is compiled with: into a library, with nothing around it."""
    common: Any = compiler.Flags()
    common.no_compile = common.no_rewrites = common.no_cpython_wrapper = common.no_cfunc_wrapper = True
    common.error_model = "numpy"
    return common


def _signature(function: Any) -> Any:
    hints = typing.get_type_hints(function)
    result = _type_of(hints.pop("return"))
    return signature(result, *(_type_of(hint) for hint in hints.values()))


def _type_of(hint: Any) -> types.Type:
    if typing.get_origin(hint) is tuple:
        return types.BaseTuple.from_types([_type_of(part) for part in typing.get_args(hint)])
    return _TYPES[hint]
