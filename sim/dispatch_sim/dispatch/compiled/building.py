"""Compiles the engine to machine code: numba types and lowers its functions, LLVM does the rest in one go."""

from __future__ import annotations

import gc
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from dispatch_sim.dispatch.compiled import kernel
from dispatch_sim.dispatch.compiled.routine import flags
from dispatch_sim.dispatch.compiled.store import ENTRY, target_machine
from dispatch_sim.interruption import uninterrupted

_NUMBER = types.int64
_ARGUMENTS = (_NUMBER, _NUMBER, _NUMBER)


def build() -> bytes:
    """Return the object code of `kernel.play_block`, as the symbol `ENTRY`; it takes some seconds."""
    collects = gc.isenabled()
    gc.disable()  # millions of small objects, of which few are garbage: a tenth of the time
    try:
        with global_compiler_lock:
            text = _lower()
        return bytes(target_machine().emit_object(llvm.parse_assembly(text)))
    finally:
        if collects:
            gc.enable()


class _Library(JITCodeLibrary):
    """A library of which nothing is seen but its entry point, so that LLVM is free with all the rest."""

    def add_llvm_module(self, ll_module: Any) -> None:
        with uninterrupted():
            super().add_llvm_module(ll_module)

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.name != ENTRY:
                function.linkage = "internal"
        super()._optimize_final_module()


def _lower() -> str:
    """Return all functions in LLVM's language, optimised, with an entry point that is called as in C."""
    typing_context: Any = cpu_target.typing_context
    context: Any = cpu_target.target_context
    library: Any = _Library(context.codegen(), "dispatch_sim")
    made: Any = compiler.compile_extra(
        typing_context, context, kernel.play_block, _ARGUMENTS, _NUMBER, flags(), {}, library
    )
    module = library.create_ir_module("entry")
    word = ir.IntType(64)
    entry = ir.Function(module, ir.FunctionType(word, [word] * len(_ARGUMENTS)), ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())
    native = context.declare_function(module, made.fndesc)
    _, played = context.call_conv.call_function(builder, native, _NUMBER, _ARGUMENTS, entry.args)
    builder.ret(played)
    library.add_ir_module(module)
    with uninterrupted():
        library.finalize()
    return str(library.get_llvm_str())
