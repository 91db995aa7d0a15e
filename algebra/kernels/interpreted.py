"""Kernels as plain Python over NumPy arrays, for runs with NUMBA_DISABLE_JIT=1.

Then Python computes every index and NumPy checks it, which finds accesses out of bounds in the kernels' own
code. What the emitters append still has to become machine code: each block function is compiled on its own
with llvmlite and called through ctypes.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import config, types

from zkroll.algebra.kernels.layout import I64

F = TypeVar("F", bound=Callable[..., Any])
Body = Callable[[ir.IRBuilder, Sequence[ir.Value]], ir.Value | None]


def enabled() -> bool:
    """Return whether Numba's compiler is switched off (NUMBA_DISABLE_JIT)."""
    settings: Any = config
    return bool(settings.DISABLE_JIT)


class _Promoting(np.ndarray[Any, Any]):
    """An array whose integers come out with 64 bits, as all arithmetic of compiled code has them."""

    def __getitem__(self, index: Any) -> Any:
        item = super().__getitem__(index)
        if isinstance(item, np.integer):
            return np.int64(item) if isinstance(item, np.signedinteger) else np.uint64(item)
        return item


def kernel(function: F, signature: Any) -> F:
    """Return `function` with arguments of the declared types and silent wrap-around, as compiled."""

    @functools.wraps(function)
    def run(*arguments: Any) -> Any:
        converted = [_convert(value, kind) for value, kind in zip(arguments, signature.args, strict=True)]
        with np.errstate(over="ignore"):
            return function(*converted)

    return cast(F, run)


def _convert(value: Any, kind: Any) -> Any:
    if isinstance(kind, types.Array):
        wide = kind.dtype.bitwidth == 64
        return value if wide else value.view(_Promoting)
    return np.uint64(value) if kind in types.unsigned_domain else int(value)


def block_function(
    body: Body, parameters: int, name: str, *, returns_mask: bool
) -> Callable[..., int | None]:
    """Return a Python function of so many 64-bit integers that runs what `body` appends.

    It is compiled on the first call. It returns the mask of `body`'s result, or None.
    """

    @cache
    def compiled() -> Callable[..., int | None]:
        module = ir.Module(name)
        module.triple = llvm.get_process_triple()
        result = I64 if returns_mask else ir.VoidType()
        function = ir.Function(module, ir.FunctionType(result, [I64] * parameters), "block")
        builder = ir.IRBuilder(function.append_basic_block())
        value = body(builder, function.args)
        if returns_mask:
            builder.ret(value)
        else:
            builder.ret_void()
        return _callable(str(module), parameters, returns_mask)

    def run(*arguments: Any) -> int | None:
        return compiled()(*map(int, arguments))

    run.__name__ = name
    return run


def _callable(text: str, parameters: int, returns: bool) -> Callable[..., int | None]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    module.verify()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=1, jit=True)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(ctypes.c_int64 if returns else None, *[ctypes.c_int64] * parameters)
    call = kind(engine.get_function_address("block"))
    call.engine = engine  # type: ignore[attr-defined]  # the code lives as long as its engine
    return call
