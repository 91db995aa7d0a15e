"""The text of the contracts that `yul` compiles: its tokens, the instructions it may name, what stands around the block."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from zkroll.errors import InputError
from zkroll.verifier.groth16.solidity_names import is_reserved

LARGEST_TEXT: Final = 1 << 20  # characters, some ten times what gives the largest code
WORD: Final = 32

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
#: what no variable can be called: words and instructions of Yul, and what Solidity declares everywhere
_WORDS: Final = """
    let if true false for switch case default function leave break continue hex difficulty prevrandao timestamp number
    basefee blobbasefee blobhash chainid origin balance selfbalance extcodesize extcodecopy extcodehash codesize
    codecopy gasprice coinbase gaslimit blockhash sload sstore tload tstore mcopy msize pc clz call callcode
    delegatecall create create2 log0 log1 log2 log3 log4 selfdestruct jump jumpi jumpdest datasize dataoffset datacopy
    linkersymbol loadimmutable setimmutable memoryguard verbatim auxdata
    abi addmod assert block blobhash ecrecover erc7201 gasleft msg mulmod now require ripemd160 revert sha256
    super suicide this tx type _
"""
RESERVED: Final = frozenset(_WORDS.split())

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
_PRAGMA = re.compile(r"[A-Za-z0-9_.^~<>=|*-]+")
_STRANGE = re.compile(r"[^\n\t -~]")
NUMBER = re.compile(r"0x[0-9a-fA-F]+|0|[1-9][0-9]*")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


class Reader:
    """The tokens of a text, and the Solidity that stands around the block."""

    def __init__(self, source: str) -> None:
        if len(source) > LARGEST_TEXT:
            raise InputError(
                f"contract: expected a text of at most {LARGEST_TEXT} characters, got {len(source)}"
            )
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
        self.contract = self.name = ""
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
            if self.next("word", "a pragma's name").text not in ("solidity", "abicoder"):
                self.refuse("expected pragma solidity or abicoder", 1)
            while not self.take(";"):
                if not _PRAGMA.fullmatch(self.peek()):
                    self.refuse("expected ';' or a version")
                self._at += 1
        self.expect("contract")
        self.contract = self._name("the contract's name")
        self.expect("{")
        return self.contract

    def _name(self, what: str) -> str:
        """Take a name that Solidity has left to contracts, functions and parameters."""
        name = self.next("word", what).text
        if is_reserved(name):
            self.refuse(f"expected {what}", 1)
        return name

    def function(self) -> tuple[str, list[tuple[str, int, int]]]:
        """Take the function's head up to the block's '{'; gives its name and (name, offset, words) of parameters."""
        self.expect("function")
        name = self._name("the function's name")
        if name == self.contract:
            self.refuse("expected another name than the contract's for its function", 1)
        self.name = name
        self.expect("(")
        parameters: list[tuple[str, int, int]] = []
        offset = 4
        while not self.take(")"):
            if parameters:
                self.expect(",")
            kind, words = self._array_type()
            self.expect("calldata")
            parameter = self._name("the parameter's name")
            if (
                parameter in OPCODES
                or parameter in RESERVED
                or any(parameter == other for other, _, _ in parameters)
            ):
                self.refuse("expected another name for a parameter", 1)
            self.types.append(kind)
            parameters.append((parameter, offset, words))
            offset += words * WORD
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
            if len(length) > 6 or not NUMBER.fullmatch(length) or not 0 < int(length, 0) < 1 << 16:
                self.refuse("expected the array's length", 1)
            self.expect("]")
            kind, words = f"{kind}[{int(length, 0)}]", words * int(length, 0)
        if kind == "uint256" or words >= 1 << 16:
            self.refuse("expected an array of uint256 with less than 65536 elements")
        return kind, words
