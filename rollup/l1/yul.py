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

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError

LARGEST_CODE: Final = 24_576  # bytes
_DEEPEST: Final = 64  # calls and blocks within each other
_WORD: Final = 32

# name: (byte, inputs, outputs); those that a view function may use and that do not look at the code itself.
OPCODES: Final[dict[str, tuple[int, int, int]]] = {
    "stop": (0x00, 0, 0), "add": (0x01, 2, 1), "mul": (0x02, 2, 1), "sub": (0x03, 2, 1), "div": (0x04, 2, 1),
    "sdiv": (0x05, 2, 1), "mod": (0x06, 2, 1), "smod": (0x07, 2, 1), "addmod": (0x08, 3, 1),
    "mulmod": (0x09, 3, 1), "exp": (0x0A, 2, 1), "signextend": (0x0B, 2, 1), "lt": (0x10, 2, 1),
    "gt": (0x11, 2, 1), "slt": (0x12, 2, 1), "sgt": (0x13, 2, 1), "eq": (0x14, 2, 1), "iszero": (0x15, 1, 1),
    "and": (0x16, 2, 1), "or": (0x17, 2, 1), "xor": (0x18, 2, 1), "not": (0x19, 1, 1), "byte": (0x1A, 2, 1),
    "shl": (0x1B, 2, 1), "shr": (0x1C, 2, 1), "sar": (0x1D, 2, 1), "keccak256": (0x20, 2, 1),
    "address": (0x30, 0, 1), "caller": (0x33, 0, 1), "callvalue": (0x34, 0, 1), "calldataload": (0x35, 1, 1),
    "calldatasize": (0x36, 0, 1), "calldatacopy": (0x37, 3, 0), "returndatasize": (0x3D, 0, 1),
    "returndatacopy": (0x3E, 3, 0), "pop": (0x50, 1, 0), "mload": (0x51, 1, 1), "mstore": (0x52, 2, 0),
    "mstore8": (0x53, 2, 0), "gas": (0x5A, 0, 1), "return": (0xF3, 2, 0), "staticcall": (0xFA, 6, 1),
    "revert": (0xFD, 2, 0), "invalid": (0xFE, 0, 0),
}  # fmt: skip
_LEAVING = frozenset(("stop", "return", "revert", "invalid"))

_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r'|(?P<string>"[^"\n]*")'
    r"|(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<number>[0-9][0-9A-Za-z_]*)"
    r"|(?P<sign>:=|[{}()\[\],;])"
    r"|(?P<open>/\*)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_STRANGE = re.compile(r"[^\n\t -~]")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|0|[1-9][0-9]*")


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
    reader = _Reader(source)
    contract = reader.heading()
    function, parameters = reader.function()
    block = _Block({name: offset for name, offset, _ in parameters})
    size = sum(words for _, _, words in parameters) * _WORD
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
    return Contract(contract, (abi,), selector, runtime, _creation(runtime))


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


class _Reader:
    """The tokens of a text, and the Solidity that stands around the block."""

    def __init__(self, source: str) -> None:
        self._tokens: list[_Token] = []
        line = 1
        strange = _STRANGE.search(source)
        if strange is not None:  # such as other ends of lines, which end comments for solc
            line += source.count("\n", 0, strange.start())
            raise InputError(f"contract: line {line}: expected printable ASCII, got {strange.group()!r}")
        for match in _TOKEN.finditer(source):
            kind, text = match.lastgroup or "other", match.group()
            if kind == "open":
                raise InputError(
                    f"contract: line {line}: expected a comment that ends, got one that does not"
                )
            if kind != "skip":
                self._tokens.append(_Token(kind, text, line))
            line += text.count("\n")
        self._last = line
        self._at = 0
        self.types: list[str] = []
        self.mutability = "view"

    def peek(self) -> str:
        """The next token's text, empty at the end."""
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def next(self, kind: str, wanted: str) -> _Token:
        """Take a token of a kind, or refuse what stands there."""
        if self._at >= len(self._tokens) or self._tokens[self._at].kind != kind:
            self.refuse(f"expected {wanted}")
        self._at += 1
        return self._tokens[self._at - 1]

    def take(self, text: str) -> bool:
        """Take the token with this text if it is the next."""
        found = self.peek() == text
        self._at += found
        return found

    def expect(self, text: str) -> None:
        """Take the token with this text, or refuse another."""
        if not self.take(text):
            self.refuse(f"expected {text!r}")

    def end(self) -> None:
        """Refuse whatever follows."""
        if self._at < len(self._tokens):
            self.refuse("expected the end of the text after one contract of one function")

    def refuse(self, wanted: str, back: int = 0, got: str = "") -> NoReturn:
        """Raise InputError for the next token, or one that many before it."""
        at = self._at - back
        line, found = self._last, "the end of the text"
        if at < len(self._tokens):
            line, found = self._tokens[at].line, repr(self._tokens[at].text[:60])
        raise InputError(f"contract: line {line}: {wanted}, got {got or found}")

    def heading(self) -> str:
        """Take pragmas and the contract's head; gives its name."""
        while self.take("pragma"):
            while not self.take(";"):
                if not self.peek():
                    self.refuse("expected ';'")
                self._at += 1
        self.expect("contract")
        name = self.next("word", "the contract's name").text
        self.expect("{")
        return name

    def function(self) -> tuple[str, list[tuple[str, int, int]]]:
        """Take the function's head up to the block's '{'; gives its name and (name, offset, words) of parameters."""
        self.expect("function")
        name = self.next("word", "the function's name").text
        self.expect("(")
        parameters: list[tuple[str, int, int]] = []
        offset = 4
        while not self.take(")"):
            if parameters:
                self.expect(",")
            kind, words = self._array_type()
            self.expect("calldata")
            parameter = self.next("word", "the parameter's name").text
            if parameter in OPCODES or any(parameter == other for other, _, _ in parameters):
                self.refuse("expected another name for a parameter", 1)
            self.types.append(kind)
            parameters.append((parameter, offset, words))
            offset += words * _WORD
        if not (self.take("public") or self.take("external")):
            self.refuse("expected 'public' or 'external'")
        self.mutability = self.next("word", "'view' or 'pure'").text
        if self.mutability not in ("view", "pure"):
            self.refuse("expected 'view' or 'pure'", 1)
        for text in ("returns", "(", "bool", ")", "{", "assembly"):
            self.expect(text)
        if self.take("("):
            if self.next("string", "'\"memory-safe\"'").text != '"memory-safe"':
                self.refuse("expected '\"memory-safe\"'", 1)
            self.expect(")")
        self.expect("{")
        return name, parameters

    def _array_type(self) -> tuple[str, int]:
        """Take uint256[n]…; gives the canonical type and its length in words."""
        if not (self.take("uint256") or self.take("uint")):
            self.refuse("expected an array of uint256")
        kind, words = "uint256", 1
        while self.take("["):
            length = self.next("number", "the array's length").text
            if len(length) > 6 or not _NUMBER.fullmatch(length) or not 0 < int(length, 0) < 1 << 16:
                self.refuse("expected the array's length", 1)
            self.expect("]")
            kind, words = f"{kind}[{int(length, 0)}]", words * int(length, 0)
        if kind == "uint256" or words >= 1 << 16:
            self.refuse("expected an array of uint256 with less than 65536 elements")
        return kind, words


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

    def statements(self, reader: _Reader, depth: int) -> bool:
        """Compile up to the block's '}'; gives whether the last statement leaves the contract."""
        self._check_depth(reader, depth)
        outer, height, leaves = dict(self._variables), self._height, False
        while not reader.take("}"):
            leaves = self._statement(reader, depth)
        for _ in range(self._height - height):
            self.code.named("pop")
        self._variables, self._height = outer, height
        return leaves

    def _statement(self, reader: _Reader, depth: int) -> bool:
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

    def _let(self, reader: _Reader, depth: int) -> None:
        name = reader.next("word", "a variable's name").text
        if name in OPCODES or name in self._parameters or name in self._variables:
            reader.refuse("expected the name of a new variable", 1)
        reader.expect(":=")
        self._expression(reader, depth)()
        self._variables[name] = self._height - 1

    def _assign(self, reader: _Reader, name: str, depth: int) -> None:
        if name not in self._variables:
            reader.refuse("expected a variable to assign to", 2)
        self._expression(reader, depth)()
        distance = self._height - 1 - self._variables[name]
        self._check_reach(reader, name, distance)
        self.code.op(0x8F + distance)  # SWAP
        self.code.named("pop")
        self._height -= 1

    def _expression(self, reader: _Reader, depth: int) -> Callable[[], None]:
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

    def _call(self, reader: _Reader, name: str, depth: int, outputs: int) -> Callable[[], None]:
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

    def _number(self, reader: _Reader) -> int:
        text = reader.next("number", "a number").text
        if len(text) > 80 or not _NUMBER.fullmatch(text) or int(text, 0) >> 256:
            reader.refuse("expected a number of at most 256 bits", 1)
        return int(text, 0)

    def _push(self, value: int) -> None:
        self.code.push(value)
        self._height += 1

    def _read(self, reader: _Reader, name: str) -> None:
        distance = self._height - self._variables[name]
        self._check_reach(reader, name, distance)
        self.code.op(0x7F + distance)  # DUP
        self._height += 1

    @staticmethod
    def _check_reach(reader: _Reader, name: str, distance: int) -> None:
        if distance > 16:
            reader.refuse(f"variable {name}: expected at most 15 values above it", 1, str(distance - 1))

    @staticmethod
    def _check_depth(reader: _Reader, depth: int) -> None:
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


def _creation(runtime: bytes) -> bytes:
    """Code that refuses ether and gives the runtime code, which follows it."""
    code = _Code()
    code.named("callvalue", "iszero")
    _require(code)
    size = b"\x61" + len(runtime).to_bytes(2, "big")  # PUSH2
    head = code.assemble()
    # PUSH2 size, DUP1, PUSH1 place, PUSH0, CODECOPY, PUSH0, RETURN
    return head + size + bytes([0x80, 0x60, len(head) + 10, 0x5F, 0x39, 0x5F, 0xF3]) + runtime
