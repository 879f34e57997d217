"""Links machine code into this process, and the functions of SciPy that it calls."""

import ctypes
import os
from typing import Any

import llvmlite.binding as llvm

from dispatch_sim.interruption import uninterrupted

IS_PYTHON = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"
"""Whether the engine runs as plain Python, as everything that numba would compile."""

SPECIAL_FUNCTIONS = {name: f"dispatch_sim_{name}" for name in ("gammainc", "gammaincinv")}
"""SciPy's functions that compiled code calls, and their symbols."""

_CALL_THROUGH_POINTER = """
@{symbol}_pointer = global ptr null
define double @{symbol}(double %a, double %x) {{
  %function = load ptr, ptr @{symbol}_pointer
  %value = call double %function(double %a, double %x)
  ret double %value
}}
"""


def link(code: bytes) -> Any:
    """Link machine code into this process; the returned linker owns its memory.

    `set_special_functions` is needed before the code calls one: few scenarios do, and SciPy takes long to
    import.
    """
    functions = "".join(_CALL_THROUGH_POINTER.format(symbol=each) for each in SPECIAL_FUNCTIONS.values())
    with uninterrupted():  # if interrupted, LLVM frees the module twice: a crash
        linker = llvm.create_mcjit_compiler(llvm.parse_assembly(functions), target_machine())
        linker.add_object_file(llvm.ObjectFileRef.from_data(code))
        linker.finalize_object()
    return linker


def set_special_functions(linker: Any) -> None:
    """Set the pointers of linked code to SciPy's functions."""
    for symbol, address in _addresses().items():
        pointer = linker.get_global_value_address(f"{symbol}_pointer")
        ctypes.c_void_p.from_address(pointer).value = address


def link_special_functions() -> None:
    """Make `SPECIAL_FUNCTIONS` known to LLVM, for code that numba links."""
    for symbol, address in _addresses().items():
        llvm.add_symbol(symbol, address)


def _addresses() -> dict[str, int]:
    from scipy.special import cython_special

    functions: dict[str, Any] = dict(cython_special.__pyx_capi__)
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return {
        symbol: pointer_of(functions[name], name_of(functions[name]))
        for name, symbol in SPECIAL_FUNCTIONS.items()
    }


def target_machine() -> Any:
    """Return LLVM's description of this machine, for code that is loaded into this process."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="jitdefault",
        jit=True,
    )
