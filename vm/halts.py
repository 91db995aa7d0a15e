"""How a call frame ends. A halt is the EVM's own outcome, never an error of zkroll, so it is a separate tree.

The type carries the meaning for gas and state: a `NormalHalt` keeps the gas left and the effects, `Reverted`
keeps the gas left and undoes the effects, an `ExceptionalHalt` takes all gas and undoes the effects.

Order of the checks in one step, the first that fails decides: undefined opcode, stack underflow, stack
overflow, static gas, the rest of the gas (one charge, memory expansion included), then the operation's own
conditions (jump destination, write in a static context, return data bounds). SSTORE's static-context check
and its 2300 gas sentry, and the static-context check of LOG, CREATE, TSTORE and SELFDESTRUCT, follow the same
rule: gas first.
"""

from enum import IntEnum

from ..errors import UnprovableError


class HaltKind(IntEnum):
    """Why a frame ended, as a number for traces; NONE stands for a step that does not end its frame."""

    NONE = 0
    STOP = 1
    RETURN = 2
    REVERT = 3
    OUT_OF_GAS = 4
    STACK_UNDERFLOW = 5
    STACK_OVERFLOW = 6
    INVALID_JUMP = 7
    INVALID_OPCODE = 8
    STATIC_WRITE = 9
    RETURN_DATA_BOUNDS = 10
    INVALID_CODE = 11
    ADDRESS_COLLISION = 12
    CALL_DEPTH = 13
    SELF_DESTRUCT = 14
    PRECOMPILE_FAILURE = 15

    @property
    def is_success(self) -> bool:
        """Whether the frame's effects stay."""
        return self in (HaltKind.STOP, HaltKind.RETURN, HaltKind.SELF_DESTRUCT)

    @property
    def is_exceptional(self) -> bool:
        """Whether the frame loses all its gas."""
        return self >= HaltKind.OUT_OF_GAS and self is not HaltKind.SELF_DESTRUCT


class Halt(Exception):
    """Root of the ways in which a frame ends."""

    kind: HaltKind = HaltKind.NONE


class NormalHalt(Halt):
    """Gas left and effects stay."""


class Stopped(NormalHalt):
    """STOP, or the end of the code."""

    kind = HaltKind.STOP


class Returned(NormalHalt):
    """RETURN; the output stands in the frame."""

    kind = HaltKind.RETURN


class SelfDestructed(NormalHalt):
    """SELFDESTRUCT."""

    kind = HaltKind.SELF_DESTRUCT


class Reverted(Halt):
    """REVERT: gas left stays, effects are undone; the output stands in the frame."""

    kind = HaltKind.REVERT


class ExceptionalHalt(Halt):
    """All gas is taken and all effects are undone."""


class OutOfGas(ExceptionalHalt):
    """A charge of `demanded` gas found less than that left."""

    kind = HaltKind.OUT_OF_GAS

    def __init__(self, demanded: int) -> None:
        super().__init__(demanded)
        self.demanded = demanded


class StackUnderflow(ExceptionalHalt):
    """Fewer words on the stack than the opcode takes."""

    kind = HaltKind.STACK_UNDERFLOW


class StackOverflow(ExceptionalHalt):
    """More than 1024 words on the stack."""

    kind = HaltKind.STACK_OVERFLOW


class InvalidJump(ExceptionalHalt):
    """A jump to something that is not a JUMPDEST outside push data."""

    kind = HaltKind.INVALID_JUMP


class InvalidOpcode(ExceptionalHalt):
    """INVALID, or a byte that Cancun defines no opcode for."""

    kind = HaltKind.INVALID_OPCODE


class StaticWrite(ExceptionalHalt):
    """A change of state inside a static call."""

    kind = HaltKind.STATIC_WRITE


class ReturnDataBounds(ExceptionalHalt):
    """RETURNDATACOPY past the end of the return data (EIP-211)."""

    kind = HaltKind.RETURN_DATA_BOUNDS


class InvalidCode(ExceptionalHalt):
    """Deployed code that begins with 0xEF or is too long (EIP-3541, EIP-170)."""

    kind = HaltKind.INVALID_CODE


class AddressCollision(ExceptionalHalt):
    """A creation at an address that already has code or a nonce (EIP-684)."""

    kind = HaltKind.ADDRESS_COLLISION


class PrecompileFailure(ExceptionalHalt):
    """A precompile that refuses its input."""

    kind = HaltKind.PRECOMPILE_FAILURE


class MissingInstruction(UnprovableError):
    """The machine in use lacks a part of the EVM. Not a halt: the execution has no outcome at all."""


class MissingOpcode(MissingInstruction):
    """An opcode of Cancun that the machine in use does not run."""

    def __init__(self, transaction: int, opcode: int, name: str, pc: int) -> None:
        super().__init__(
            f"transaction {transaction}: opcode {name} (0x{opcode:02x}) at pc {pc} is not supported"
        )
        self.transaction = transaction
        self.opcode = opcode
        self.pc = pc


class MissingPrecompile(MissingInstruction):
    """A call to a precompile of Cancun that the machine in use does not have."""

    def __init__(self, transaction: int, address: int) -> None:
        super().__init__(f"transaction {transaction}: precompile {address:#x} is not supported")
        self.transaction = transaction
        self.address = address
