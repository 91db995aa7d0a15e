"""py-evm's EVM with zkroll's kernels behind the BN254 precompiles (EIP-196, EIP-197).

py-evm computes them in Python: half a second for a pairing of four pairs. The kernels give the same answers at
the same gas (tests compare the two, and anvil) in a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from eth.exceptions import VMError
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState

from zkroll.algebra.eip196 import eip196_add, eip196_mul
from zkroll.algebra.pairing import EIP197_PAIR_BYTES, eip197_check
from zkroll.errors import InputError

_ADD_GAS: Final = 150  # EIP-1108
_MUL_GAS: Final = 6_000
_PAIRING_GAS: Final = 45_000
_PAIR_GAS: Final = 34_000
_WORD: Final = 32


def _precompile(gas: Callable[[bytes], int], run: Callable[[bytes], bytes]) -> Callable[[Any], Any]:
    def execute(computation: Any) -> Any:
        data = bytes(computation.msg.data)
        computation.consume_gas(gas(data), reason="precompile")
        try:
            computation.output = run(data)
        except InputError as error:
            raise VMError(str(error)) from error
        return computation

    return execute


def _address(number: int) -> bytes:
    return number.to_bytes(20, "big")


class _QuickComputation(PragueComputation):
    _precompiles = {  # noqa: RUF012
        **PragueComputation._precompiles,
        _address(6): _precompile(lambda _: _ADD_GAS, eip196_add),
        _address(7): _precompile(lambda _: _MUL_GAS, eip196_mul),
        _address(8): _precompile(
            lambda data: _PAIRING_GAS + _PAIR_GAS * (len(data) // EIP197_PAIR_BYTES),
            lambda data: int(eip197_check(data)).to_bytes(_WORD, "big"),
        ),
    }


class _QuickState(PragueState):
    computation_class = _QuickComputation


class QuickVM(PragueVM):
    """Prague with quick precompiles."""

    _state_class = _QuickState
