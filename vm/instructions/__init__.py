"""The instructions, one file per opcode family.

An instruction is a function of the frame. The interpreter has already checked the stack against the opcode
table, charged the static gas and moved the program counter past the opcode; the instruction takes its
operands, charges what depends on them (once), does the operation and pushes its results.
"""

from collections.abc import Callable

from ..frame import Frame

Instruction = Callable[[Frame], None]
