"""How Numba compiles kernels: one declared signature each, and helpers that become machine code only inside.

Numba makes every jitted function callable from Python and from C, optimises it and turns it into machine
code, and does it all again where the function is linked into another. A helper here is lowered to LLVM IR and
stops; the kernel that uses it does the rest, once. That takes a third off the time that compilation takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from llvmlite.binding import Linkage, parse_assembly
from numba.core import sigutils, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher

from zkroll.algebra.kernels.jit_cache import KernelCache

_OPTIONS = {"nopython": True, "nogil": True, "error_model": "numpy", "boundscheck": False}


class _NoEnvironment:
    """A code generator for functions that Python never calls: their environment is nowhere in memory."""

    def __init__(self, codegen: Any):
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: object) -> None:
        """Do nothing."""


class _HelperLibrary(JITCodeLibrary):
    """LLVM IR that waits to be linked into a kernel's library."""

    @property
    def codegen(self) -> Any:
        return _NoEnvironment(self._codegen)

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 (Numba's interface)
        self._ensure_finalized()  # type: ignore[no-untyped-call]
        return 0

    def _optimize_final_module(self) -> None:
        """Leave that to the kernel."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._finalized = True


class _KernelLibrary(JITCodeLibrary):
    """A kernel with its helpers, which no other kernel sees.

    Numba tells functions of one name apart by counting them, and every process counts anew: two kernels from
    the cache may hold different helpers of the same name, and the linker would take one for the other.
    """

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        super()._optimize_final_module()  # type: ignore[no-untyped-call]

    def serialize_using_object_code(self) -> Any:
        """Return the machine code and the names in it, without the LLVM IR, which takes longest to load.

        Numba keeps the IR to link a function into others; no kernel is linked into another.
        """
        self._ensure_finalized()  # type: ignore[no-untyped-call]
        names, byte = ir.Module(self.name), ir.IntType(8)
        for function in self._final_module.functions:
            if not function.is_declaration:
                stub = ir.Function(names, ir.FunctionType(ir.VoidType(), []), function.name)
                ir.IRBuilder(stub.append_basic_block()).ret_void()
        for variable in self._final_module.global_variables:
            if not variable.is_declaration:
                ir.GlobalVariable(names, byte, variable.name).initializer = ir.Constant(byte, 0)
        machine_code = self._get_compiled_object()  # type: ignore[no-untyped-call]
        return self.name, "object", (machine_code, parse_assembly(str(names)).as_bitcode())


class _HelperCompiler(Compiler):
    library: Any = _HelperLibrary

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)  # type: ignore[no-untyped-call]
        if self.state.library is None:
            self.state.library = self.library(self.state.targetctx.codegen(), self.library.__name__)
            self.state.library.enable_object_caching()


class _KernelCompiler(_HelperCompiler):
    library = _KernelLibrary


class HelperDispatcher(CPUDispatcher):
    """A function for use inside kernels, compiled for whatever types it is used with."""

    def __init__(self, function: Callable[..., Any]):
        options = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        super().__init__(function, targetoptions=options, pipeline_class=_HelperCompiler)

    def __call__(self, *args: Any, **kws: Any) -> Any:  # noqa: ARG002 (whatever the arguments)
        """Refuse to run: there is no entry from Python, and Numba would jump to nowhere."""
        raise TypeError(f"{self.py_func.__name__}: expected a call from a kernel, got one from Python")


class KernelDispatcher(CPUDispatcher):
    """A function that is compiled or loaded, on first use, for its declared signature and no other."""

    def __init__(self, name: str, function: Callable[..., Any], signature: Any):
        function.__qualname__ = name  # of which symbols are made: no two kernels may share one
        options = {**_OPTIONS, "no_cfunc_wrapper": True}
        super().__init__(function, targetoptions=options, pipeline_class=_KernelCompiler)
        self.declared = signature
        self._cache = KernelCache(name, function, signature)

    @property
    def is_cached(self) -> bool:
        """Whether there is an entry, good or bad, in the cache."""
        return self._cache.path.exists()

    def ready(self) -> None:
        """Compile the kernel or load it from the cache, unless that was done before."""
        with global_compiler_lock:
            if not self.overloads:
                self.compile(self.declared)
                self.disable_compile()

    def _compile_for_args(self, *args: Any, **kws: Any) -> Any:  # noqa: ARG002 (Numba's interface)
        self.ready()
        return self  # which is called next, and now finds the types or refuses them

    def get_call_template(self, args: Any, kws: Any) -> Any:  # noqa: ARG002 (Numba's interface)
        """Refuse to be linked into another function: a kernel from the cache has no code to link."""
        raise TypeError(f"{self.py_func.__name__}: expected a call from Python, got one from compiled code")


class _ReadOnly:
    """`const_uint64[:, ::1]` in a signature: an array that the kernel does not write to."""

    def __init__(self, element: Any):
        self._element = element

    def __getitem__(self, axes: Any) -> Any:
        return self._element[axes].copy(readonly=True)


_ELEMENTS = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
_NAMES = {**vars(types), **{f"const_{name}": _ReadOnly(getattr(types, name)) for name in _ELEMENTS}}


def parse_signature(text: str) -> Any:
    """Return the Numba signature that `text` spells, such as "void(const_uint64[:, ::1], int64)"."""
    signature = eval(text, {"__builtins__": {}}, _NAMES)  # noqa: S307 (a literal of this package)
    arguments, result = sigutils.normalize_signature(signature)  # type: ignore[no-untyped-call]
    return result(*arguments)
