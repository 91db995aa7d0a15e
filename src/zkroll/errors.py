"""The errors that zkroll raises on purpose: one line each, with the place, what was expected and what was got."""


class ZkrollError(Exception):
    """Root of every error that zkroll raises on purpose."""


class InputError(ZkrollError):
    """A file, argument or transaction that cannot be used (exit code 2)."""


class UnprovableError(InputError):
    """A batch that executes but needs something no chip can prove; names transaction, opcode and pc."""


class ConstraintViolation(ZkrollError):
    """A trace that breaks a constraint or leaves a bus unbalanced (exit code 1)."""


class ProvingError(ZkrollError):
    """The prover could not make a proof from a trace that looked sound."""


class VerificationError(ZkrollError):
    """A proof that is not accepted, and why (exit code 1)."""


class RollupError(ZkrollError):
    """The rollup protocol or its L1 contract refused a step."""
