"""The Solidity contract that verifies proofs of one key, with the interface that snarkjs's contracts have.

Its ABI is verifyProof(uint256[2], uint256[2][2], uint256[2], uint256[N]) view returns (bool). Solidity has no
array without entries: a key without public inputs leaves the last parameter out.

All work is done in one block of inline assembly, `assembly ("memory-safe") { … }`, written in a small part of
Yul so that `zkroll.rollup.l1.yul` turns it into bytecode where no solc is installed:

- statements: `let x := e` and `x := e` (each `let` stands at the top level of the block), `if e { … }` (not
  nested), and calls of opcodes that leave nothing: mstore, calldatacopy, revert, return;
- expressions: literals (decimal and 0x), variables, calls of opcodes: add sub mod lt eq and iszero mload
  calldataload calldatasize returndatasize gas staticcall; arguments are evaluated from the last to the first;
- the parameters' names _pA, _pB, _pC, _pubSignals, which stand for their places in calldata: 0x04, 0x44, 0xc4,
  0x104 (all of them are static, and the function is external);
- comments from // to the end of the line.

There are no functions, loops, switches or names of contract constants. Sources: EIP-196, EIP-197, EIP-150.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import G2Point, Point
from zkroll.errors import InputError
from zkroll.verifier.groth16.key import VerifyingKey
from zkroll.verifier.groth16.solidity_names import is_reserved

TEMPLATE: Final = "verifier.sol.template"

#: gas of the pairing precompile for four pairs: 45,000 and 34,000 a pair. Source: EIP-1108
PAIRING_GAS: Final = 45_000 + 4 * 34_000

#: gas that must be left before the pairing: of g left, the call passes on g - g // 64 (EIP-150). The contract
#: spends up to 1,100 more between the check and the call: some 150 with an optimising compiler.
GAS_GUARD: Final = 185_000

#: a longer name would only serve to make the contract large
LARGEST_NAME: Final = 100

#: the name of the contract's function, which the contract itself cannot have
FUNCTION: Final = "verifyProof"

_HEAD: Final = 4 + 8 * 32
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_INDENT = " " * 12

_RANGE_CHECK = "ok := and(ok, lt(calldataload({place}), r))"
_TERM = """\
mstore(add(l, 0x40), {x})
mstore(add(l, 0x60), {y})
mstore(add(l, 0x80), calldataload({place}))
ok := and(ok, staticcall(gas(), 0x07, add(l, 0x40), 0x60, add(l, 0x40), 0x40))
ok := and(ok, eq(returndatasize(), 0x40))
ok := and(ok, staticcall(gas(), 0x06, l, 0x80, l, 0x40))
ok := and(ok, eq(returndatasize(), 0x40))
"""


def check_contract_name(contract: str) -> None:
    """Raise InputError for a name that is no identifier of Solidity, or is not left to contracts."""
    if not (isinstance(contract, str) and _NAME.fullmatch(contract) and len(contract) <= LARGEST_NAME):
        raise InputError(
            f"solidity verifier: expected a contract's name of at most {LARGEST_NAME} letters, digits, _ and $, "
            f"got {str(contract)[:LARGEST_NAME]!r}"
        )
    if is_reserved(contract) or contract == FUNCTION:
        raise InputError(
            f"solidity verifier: expected a contract's name that Solidity has left, got {contract!r}"
        )


def solidity_verifier(key: VerifyingKey, contract: str = "Groth16Verifier") -> str:
    """Return the Solidity text (0.8.13 or later) of the contract that verifies proofs of this key.

    A public input takes 145 to 150 bytes of code: the 24,576 bytes that EIP-170 allows are enough for some 150.

    Raises InputError for a name that is no identifier, or one that solc refuses. Keys that must not be deployed (nobody contributed to
    them, points at infinity or outside their groups) are none: `VerifyingKey` refuses them.
    """
    if not isinstance(key, VerifyingKey):
        raise InputError(f"solidity verifier: expected a VerifyingKey, got {type(key).__name__}")
    check_contract_name(contract)
    n = key.n_public
    places = ["_pubSignals" if i == 0 else f"add(_pubSignals, 0x{32 * i:02x})" for i in range(n)]
    terms = "".join(
        f"// + input {i} * ic_{i + 1}\n" + _TERM.format(x=x, y=y, place=place)
        for i, (place, (x, y)) in enumerate(zip(places, map(_g1, key.ic[1:]), strict=True))
    )
    checks = "".join(_RANGE_CHECK.format(place=place) + "\n" for place in places)
    ic_x, ic_y = _g1(key.ic[0])
    alpha_x, alpha_y = _g1(key.alpha_1)
    fields: dict[str, object] = {
        "contract": contract,
        "guard": GAS_GUARD,
        "guard_text": f"{GAS_GUARD:,}",
        "calldata_size": f"0x{_HEAD + 32 * n:x}",
        "pub_doc": "\n    /// @param _pubSignals The public inputs: outputs first, as circom orders them."
        if n
        else "",
        "pub_parameter": f",\n        uint256[{n}] calldata _pubSignals" if n else "",
        "range_checks": _indented(checks),
        "terms": _indented(terms),
        "q": Q_MODULUS,
        "r": R_MODULUS,
        "ic_x": ic_x,
        "ic_y": ic_y,
        "alpha_x": alpha_x,
        "alpha_y": alpha_y,
        **_g2("beta", key.beta_2),
        **_g2("gamma", key.gamma_2),
        **_g2("delta", key.delta_2),
    }
    return _template().substitute(fields)


@cache
def _template() -> Template:
    return Template(files("zkroll.verifier.groth16").joinpath(TEMPLATE).read_text(encoding="utf-8"))


def _indented(lines: str) -> str:
    return "".join(_INDENT + line for line in lines.splitlines(keepends=True))


def _g1(point: Point) -> tuple[int, int]:
    if point is None:
        raise InputError("solidity verifier: expected points other than infinity in the key")
    return point


def _g2(name: str, point: G2Point) -> dict[str, int]:
    if point is None:
        raise InputError(f"solidity verifier: {name}_2: expected a point other than infinity")
    (x0, x1), (y0, y1) = point
    return {f"{name}_x0": x0, f"{name}_x1": x1, f"{name}_y0": y0, f"{name}_y1": y1}
