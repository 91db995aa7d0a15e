"""A compiler for contracts of one function whose body is one block of inline assembly, so that no solc is needed.

What it takes is what `zkroll.verifier.groth16.solidity` writes:

    contract NAME {
        function NAME(uint256[N]… calldata NAME, …) public|external view|pure returns (bool) {
            assembly ("memory-safe") {
                <statements, the last of which leaves the contract>
            }
        }
    }

with comments, an SPDX line and pragmas around. Statements: calls of EVM instructions that give nothing, `pop(e)`,
`let x := e`, `x := e`, `if e { … }` and blocks. Expressions: decimal and hexadecimal numbers, `true` and
`false`, variables, parameters (their offset in the calldata) and nested calls of instructions that give a value.
Whatever else stands there is refused with its line: loops, switches, functions, strings, state.

The code around the block does what solc's does: it reverts for ether, for another selector and for calldata that
is shorter than the parameters, and sets the free memory pointer. Sources: Solidity's documentation of Yul and of
the contract ABI, the Yellow Paper's appendix H; PUSH0 is EIP-3855, the limit on code EIP-170.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Final

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup.l1.yul_text import NUMBER, OPCODES, RESERVED, WORD, Reader

LARGEST_CODE: Final = 24_576  # bytes
_DEEPEST: Final = 64  # calls and blocks within each other

_LEAVING = frozenset(("stop", "return", "revert", "invalid"))


@dataclass(frozen=True)
class Contract:
    """What became of a contract's text. creation: the data of the transaction that deploys `runtime`."""

    name: str
    abi: tuple[dict[str, Any], ...]
    selector: bytes
    runtime: bytes
    creation: bytes


def compile_contract(source: str) -> Contract:
    """Compile the text of a contract as described above. Raises InputError with the line of what is refused."""
    reader = Reader(source)
    contract = reader.heading()
    function, parameters = reader.function()
    block = _Block({name: offset for name, offset, _ in parameters})
    size = sum(words for _, _, words in parameters) * WORD
    signature = f"{function}({','.join(reader.types)})"
    selector = keccak256(signature.encode())[:4]
    _prologue(block.code, selector, size)
    if not block.statements(reader, 0):
        reader.refuse("expected the block to end with return or revert")
    for close in "}}":  # of the function, of the contract
        reader.expect(close)
    reader.end()
    runtime = block.code.assemble()
    if len(runtime) > LARGEST_CODE:
        raise InputError(f"{contract}: expected at most {LARGEST_CODE} bytes of code, got {len(runtime)}")
    abi = {
        "type": "function",
        "name": function,
        "inputs": [
            {"name": name, "type": kind}
            for (name, _, _), kind in zip(parameters, reader.types, strict=True)
        ],
        "outputs": [{"name": "", "type": "bool"}],
        "stateMutability": reader.mutability,
    }  # fmt: skip
    return Contract(contract, (abi,), selector, runtime, creation_code(runtime))


class _Code:
    """Instructions with labels: `jump_unless` remembers a place, `land` makes it the next one."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def op(self, byte: int) -> None:
        """Add the instruction with this byte."""
        self._bytes.append(byte)

    def named(self, *names: str) -> None:
        """Add instructions by name."""
        for name in names:
            self.op(OPCODES[name][0])

    def push(self, value: int) -> None:
        """Add the shortest PUSH of a value of at most 256 bits."""
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        self._bytes += bytes([0x5F + len(data)]) + data

    def jump_if(self) -> int:
        """JUMPI to a place that `land` fixes; the condition is on the stack."""
        self._bytes += b"\x61\0\0\x57"
        return len(self._bytes) - 3

    def land(self, where: int) -> None:
        """Make this the place that a jump goes to."""
        self._bytes[where : where + 2] = min(len(self._bytes), 0xFFFF).to_bytes(2, "big")
        self.op(0x5B)

    def assemble(self) -> bytes:
        """The code so far."""
        return bytes(self._bytes)


class _Block:
    """Compiles statements. Variables stay on the stack, where DUP and SWAP reach sixteen of them."""

    def __init__(self, parameters: dict[str, int]) -> None:
        self.code = _Code()
        self._parameters = parameters
        self._variables: dict[str, int] = {}  # the height below each
        self._height = 0

    def statements(self, reader: Reader, depth: int) -> bool:
        """Compile up to the block's '}'; gives whether the last statement leaves the contract."""
        self._check_depth(reader, depth)
        outer, height, leaves = dict(self._variables), self._height, False
        while not reader.take("}"):
            leaves = self._statement(reader, depth)
        for _ in range(self._height - height):
            self.code.named("pop")
        self._variables, self._height = outer, height
        return leaves

    def _statement(self, reader: Reader, depth: int) -> bool:
        if reader.take("{"):
            return self.statements(reader, depth + 1)
        name = reader.next("word", "a statement").text
        if name == "if":
            self._expression(reader, depth)()
            self.code.named("iszero")
            end = self.code.jump_if()
            self._height -= 1
            reader.expect("{")
            self.statements(reader, depth + 1)
            self.code.land(end)
            return False
        if name == "let":
            self._let(reader, depth)
            return False
        if reader.take(":="):
            self._assign(reader, name, depth)
            return False
        emit = self._call(reader, name, depth, outputs=0)
        emit()
        return name in _LEAVING

    def _let(self, reader: Reader, depth: int) -> None:
        name = reader.next("word", "a variable's name").text
        taken: tuple[Container[str], ...] = (
            *(OPCODES, RESERVED, self._parameters, self._variables),
            (reader.contract, reader.name),
        )
        if any(name in names for names in taken):
            reader.refuse("expected the name of a new variable", 1)
        reader.expect(":=")
        self._expression(reader, depth)()
        self._variables[name] = self._height - 1

    def _assign(self, reader: Reader, name: str, depth: int) -> None:
        if name not in self._variables:
            reader.refuse("expected a variable to assign to", 2)
        self._expression(reader, depth)()
        distance = self._height - 1 - self._variables[name]
        self._check_reach(reader, name, distance)
        self.code.op(0x8F + distance)  # SWAP
        self.code.named("pop")
        self._height -= 1

    def _expression(self, reader: Reader, depth: int) -> Callable[[], None]:
        """Read an expression; gives what compiles it, as arguments are evaluated from the last to the first."""
        self._check_depth(reader, depth)
        if reader.peek()[:1].isdigit():
            value = self._number(reader)
            return lambda: self._push(value)
        name = reader.next("word", "an expression").text
        if name in ("true", "false"):
            return lambda: self._push(int(name == "true"))
        if name in self._parameters:
            return lambda: self._push(self._parameters[name])
        if name in self._variables:
            return lambda: self._read(reader, name)
        return self._call(reader, name, depth, outputs=1)

    def _call(self, reader: Reader, name: str, depth: int, outputs: int) -> Callable[[], None]:
        if name not in OPCODES:
            reader.refuse("expected an instruction of the EVM that is known here", 1)
        byte, inputs, gives = OPCODES[name]
        if gives != outputs:
            wanted = "that gives a value" if outputs else "that gives none (or pop)"
            reader.refuse(f"expected an instruction {wanted}", 1)
        reader.expect("(")
        arguments: list[Callable[[], None]] = []
        while not reader.take(")"):
            if arguments:
                reader.expect(",")
            arguments.append(self._expression(reader, depth + 1))
        if len(arguments) != inputs:
            reader.refuse(f"{name}: expected {inputs} arguments", 1, str(len(arguments)))

        def emit() -> None:
            for argument in reversed(arguments):
                argument()
            self.code.op(byte)
            self._height += gives - inputs

        return emit

    def _number(self, reader: Reader) -> int:
        text = reader.next("number", "a number").text
        if len(text) > 80 or not NUMBER.fullmatch(text) or int(text, 0) >> 256:
            reader.refuse("expected a number of at most 256 bits", 1)
        return int(text, 0)

    def _push(self, value: int) -> None:
        self.code.push(value)
        self._height += 1

    def _read(self, reader: Reader, name: str) -> None:
        distance = self._height - self._variables[name]
        self._check_reach(reader, name, distance)
        self.code.op(0x7F + distance)  # DUP
        self._height += 1

    @staticmethod
    def _check_reach(reader: Reader, name: str, distance: int) -> None:
        if distance > 16:
            reader.refuse(f"variable {name}: expected at most 15 values above it", 1, str(distance - 1))

    @staticmethod
    def _check_depth(reader: Reader, depth: int) -> None:
        if depth > _DEEPEST:
            reader.refuse(f"expected at most {_DEEPEST} calls or blocks within each other")


def _prologue(code: _Code, selector: bytes, size: int) -> None:
    """Set the free memory pointer; revert for ether, for calldata that is too short and for other selectors."""
    for value in (0x80, 0x40):
        code.push(value)
    code.named("mstore", "callvalue", "iszero")
    _require(code)
    code.push(3 + size)
    code.named("calldatasize", "gt")
    _require(code)
    code.push(0)
    code.named("calldataload")
    code.push(224)
    code.named("shr")
    code.push(int.from_bytes(selector, "big"))
    code.named("eq")
    _require(code)


def _require(code: _Code) -> None:
    """Revert unless the value on the stack is true."""
    there = code.jump_if()
    for _ in range(2):
        code.push(0)
    code.named("revert")
    code.land(there)


def creation_code(runtime: bytes) -> bytes:
    """Code that refuses ether and gives the runtime code, which follows it."""
    code = _Code()
    code.named("callvalue", "iszero")
    _require(code)
    size = b"\x61" + len(runtime).to_bytes(2, "big")  # PUSH2
    head = code.assemble()
    # PUSH2 size, DUP1, PUSH1 place, PUSH0, CODECOPY, PUSH0, RETURN
    return head + size + bytes([0x80, 0x60, len(head) + 10, 0x5F, 0x39, 0x5F, 0xF3]) + runtime
