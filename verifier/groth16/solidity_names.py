"""Names that a contract cannot have in Solidity 0.8: what solc says of them comes only when the text is compiled."""

from __future__ import annotations

import re
from typing import Final

#: keywords, those kept for later, units of numbers, and names that stand for something everywhere.
#: Source: Solidity's documentation, "Reserved Keywords" and "Units and Globally Available Variables"
_WORDS: Final = """
    abstract address after alias anonymous apply as assembly auto bool break byte calldata case catch constant
    constructor continue contract copyof days default define delete do else emit enum ether event external fallback
    false final fixed for function gwei hex hours if immutable implements import in indexed inline interface internal
    is let library macro mapping match memory minutes modifier mutable new null of override partial payable pragma
    private promise public pure receive reference relocatable return returns sealed seconds sizeof static storage
    string struct super supports switch this throw true try type typedef typeof ufixed unchecked unicode using var
    view virtual weeks wei while years _
"""
KEYWORDS: Final = frozenset(_WORDS.split())
_TYPE = re.compile(r"(u?int|bytes)[0-9]*|u?fixed[0-9]+x[0-9]+")


def is_reserved(name: str) -> bool:
    """Whether no contract, function or parameter can have this name."""
    return name in KEYWORDS or _TYPE.fullmatch(name) is not None
