"""Small known-answer checks of every family of kernels against Python integers, for `zkroll doctor` and tests.

They run on the back end that this process has chosen, with whatever compiled code the cache holds: so they
find a processor, compiler or cache that computes something else. A new family of kernels gets a function here
and a line in CHECKS.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import PrimeField, fq, fr
from zkroll.errors import VerificationError

_COUNT = 19  # elements of a vector: two whole blocks and a part of one


@dataclass(frozen=True)
class Outcome:
    """What one check found; `message` is empty when all is well."""

    name: str
    seconds: float
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether the kernels gave the known answers."""
        return not self.message


def run(names: Iterable[str] | None = None) -> list[Outcome]:
    """Run the checks of these names, or those in CHECKS, and return what they found, in order.

    Raises KeyError for an unknown name, and nothing else.
    """
    known = {**CHECKS, **LONGER}
    return [_outcome(name, known[name]) for name in (CHECKS if names is None else names)]


def _outcome(name: str, check: Callable[[], None]) -> Outcome:
    start = time.perf_counter()
    try:
        check()
    except Exception as error:  # whatever goes wrong in a kernel is a finding
        return Outcome(name, time.perf_counter() - start, f"{type(error).__name__}: {error}")
    return Outcome(name, time.perf_counter() - start)


def _same(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise VerificationError(f"{what}: expected {expected}, got {got}")


def _numbers(count: int, modulus: int, seed: int) -> list[int]:
    """Integers below the modulus that look random, the edges first."""
    edges = [0, 1, modulus - 1, modulus >> 1, 2**64, 2**128 - 1, 2**253]
    words = (hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(count))
    return (edges + [int.from_bytes(word, "big") % modulus for word in words])[:count]


# ---- fields -----------------------------------------------------------------------------------------------


def _field(field: PrimeField) -> None:
    from zkroll.algebra.reference import field as plain

    p = field.modulus
    x, y = _numbers(_COUNT, p, 1), _numbers(_COUNT, p, 2)[::-1]
    a, b = field.from_ints(x), field.from_ints(y)
    results = {
        "add": (field.add(a, b), plain.add(x, y, p)),
        "sub": (field.sub(a, b), plain.sub(x, y, p)),
        "mul": (field.mul(a, b), plain.mul(x, y, p)),
        "neg": (field.neg(a), plain.neg(x, p)),
        "square": (field.square(a), plain.square(x, p)),
        "pow": (field.pow(a, p - 3), plain.power(x, p - 3, p)),
        "inverse": (field.batch_inverse(a), plain.batch_inverse(x, p)),
        "prefix sum": (field.prefix_sum(a, _COUNT), plain.prefix_sum(x, p)),
        "powers": (field.powers(y[0], _COUNT), plain.powers(y[0], _COUNT, p)),
    }
    for name, (block, expected) in results.items():
        _same(name, field.to_ints(block, _COUNT), expected)
    _same("sum", field.sum(a), sum(x) % p)
    _same("inner product", field.inner_product(a, b), plain.inner_product(x, y, p))
    _same("is zero", field.is_zero(a, _COUNT).tolist(), [value == 0 for value in x])
    _same("equal", (field.equal(a, a), field.equal(a, b)), (True, False))


def _conversion(field: PrimeField) -> None:
    signed = np.arange(-9, 10, dtype=np.int64)
    p = field.modulus
    _same("int64", field.to_ints(field.from_array(signed), 19), [int(value) % p for value in signed])
    rows = field.to_limbs(field.from_ints(_numbers(_COUNT, p, 3)), _COUNT)
    words = [sum(int(word) << (64 * i) for i, word in enumerate(row)) for row in rows]
    _same("limbs", words, _numbers(_COUNT, p, 3))
    text = field.to_bytes(field.from_ints(_numbers(_COUNT, p, 4)), _COUNT)
    _same("bytes", field.to_ints(field.from_bytes(text), _COUNT), _numbers(_COUNT, p, 4))


def _both_fields(check: Callable[[PrimeField], None]) -> Callable[[], None]:
    def run_both() -> None:
        for field in (fr, fq):
            check(field)

    return run_both


def _ntt(size: int) -> None:
    from zkroll.algebra import ntt
    from zkroll.algebra.reference import ntt as plain

    columns = [_numbers(size, R_MODULUS, seed) for seed in (5, 6)]
    blocks = np.stack([fr.from_ints(column) for column in columns])
    ntt.forward(blocks, shift=5)
    for i, column in enumerate(columns):
        _same(f"forward {size}", fr.to_ints(blocks[i]), plain.forward(column, 5))
    ntt.inverse(blocks, shift=5)
    for i, column in enumerate(columns):
        _same(f"inverse {size}", fr.to_ints(blocks[i]), column)
    _same(f"evaluate {size}", ntt.evaluate(blocks, 7), [plain.evaluate(column, 7) for column in columns])


def _program() -> None:
    from zkroll.algebra import program
    from zkroll.algebra.reference import program as plain

    rows = [
        (program.MUL, 0, 3, 4),  # column 0 times column 1
        (program.ADD, 1, 0, 5),  # the next row of column 0
        (program.SUB, 0, 1, 2),  # the constant
        (program.NEG, 1, 0, 0),
        (program.STORE, 0, 1, 0),
    ]
    code = program.Program(2, np.array(rows, dtype=np.int32), 1, 2, 1)
    columns = [_numbers(16, R_MODULUS, seed) for seed in (7, 8)]
    out = program.run(code, [9], [fr.from_ints(column) for column in columns], 16)
    _same("program", fr.to_ints(out[0]), plain.run(code, [9], columns, 16)[0])


def _division() -> None:
    from zkroll.algebra.kernels.division_kernels import divide

    pairs = [(2**512 - 1, 2**256 - 1), (2**511 + 12345, 3), (5, 7), (2**300, 0), (2**256, 2**255 + 1)]
    numerator, divisor = _words([x for x, _ in pairs], 8), _words([y for _, y in pairs], 4)
    quotient, remainder = np.empty_like(numerator), np.empty_like(divisor)
    divide(numerator, divisor, quotient, remainder)
    expected = [divmod(x, y) if y else (0, 0) for x, y in pairs]
    _same("quotients", quotient.tolist(), _words([q for q, _ in expected], 8).tolist())
    _same("remainders", remainder.tolist(), _words([r for _, r in expected], 4).tolist())


def _words(values: Sequence[int], count: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    data = b"".join(value.to_bytes(8 * count, "little") for value in values)
    return np.frombuffer(data, dtype=np.uint64).reshape(-1, count)


# ---- groups -----------------------------------------------------------------------------------------------

_MULTIPLES = [1, 2, 0, R_MODULUS - 1, 1, 3, R_MODULUS - 2]  # repeated, opposite and infinite points
_POINTS = 33


def _sum_of_multiples() -> tuple[list[int], list[int], int]:
    scalars = _numbers(_POINTS, R_MODULUS, 9)
    multiples = (_MULTIPLES * _POINTS)[:_POINTS]
    total = sum(s * k for s, k in zip(scalars, multiples, strict=True)) % R_MODULUS
    return scalars, multiples, total


def _msm_g1() -> None:
    from zkroll.algebra.curve import GENERATOR, G1Points
    from zkroll.algebra.msm import msm_g1
    from zkroll.algebra.reference.curve import multiply

    scalars, multiples, total = _sum_of_multiples()
    known = {k: multiply(GENERATOR, k) for k in set(multiples)}
    points = G1Points.from_ints([known[k] for k in multiples])
    _same("G1 sum", msm_g1(points, fr.from_ints(scalars)), multiply(GENERATOR, total))
    small = sum(i * k for i, k in enumerate(multiples)) % R_MODULUS
    _same("G1 sum, bytes", msm_g1(points, np.arange(_POINTS, dtype=np.uint8)), multiply(GENERATOR, small))


def _msm_g2() -> None:
    from zkroll.algebra.curve import G2Points
    from zkroll.algebra.msm import msm_g2
    from zkroll.algebra.reference.pairing import GENERATOR_G2, multiply_g2

    scalars, multiples, total = _sum_of_multiples()
    known = {k: multiply_g2(GENERATOR_G2, k) for k in set(multiples)}
    points = G2Points.from_ints([known[k] for k in multiples])
    _same("G2 sum", msm_g2(points, fr.from_ints(scalars)), multiply_g2(GENERATOR_G2, total))


def _fixed_base() -> None:
    from zkroll.algebra.curve import GENERATOR, fixed_base_g1, fixed_base_g2
    from zkroll.algebra.reference.curve import multiply
    from zkroll.algebra.reference.pairing import GENERATOR_G2, multiply_g2

    scalars = _numbers(_COUNT, R_MODULUS, 10)
    points = fixed_base_g1(fr.from_ints(scalars), _COUNT).to_ints()
    _same("G1 multiples", points, [multiply(GENERATOR, scalar) for scalar in scalars])
    few = scalars[:3]
    twisted = fixed_base_g2(fr.from_ints(few), 3).to_ints()
    _same("G2 multiples", twisted, [multiply_g2(GENERATOR_G2, scalar) for scalar in few])


def _points() -> None:
    from zkroll.algebra import curve
    from zkroll.algebra.reference.curve import GENERATOR, multiply
    from zkroll.algebra.reference.pairing import GENERATOR_G2, multiply_g2

    scalars = [0, 1, R_MODULUS - 1, 5, 2**200 + 9]
    multiples = [1, 2, 3, 0, R_MODULUS - 1]
    g1 = curve.G1Points.from_ints([multiply(GENERATOR, k) for k in multiples])
    g2 = curve.G2Points.from_ints([multiply_g2(GENERATOR_G2, k) for k in multiples])
    products = [s * k % R_MODULUS for s, k in zip(scalars, multiples, strict=True)]
    sums = [(p + k) % R_MODULUS for p, k in zip(products, multiples, strict=True)]
    multiplied, twisted = curve.multiply(g1, scalars), curve.multiply(g2, scalars)
    _same("G1 products", multiplied.to_ints(), [multiply(GENERATOR, k) for k in products])
    _same("G2 products", twisted.to_ints(), [multiply_g2(GENERATOR_G2, k) for k in products])
    _same("G1 sums", curve.add(multiplied, g1).to_ints(), [multiply(GENERATOR, k) for k in sums])
    _same("G2 sums", curve.add(twisted, g2).to_ints(), [multiply_g2(GENERATOR_G2, k) for k in sums])
    _same("G1 on the curve", curve.is_on_curve(g1).tolist(), [True] * 5)
    _same("G2 of order r", curve.is_in_subgroup(g2).tolist(), [True] * 5)
    for points in (g1, g2):
        _same(
            "points of files",
            points.from_bytes(points.to_bytes("iden3"), "iden3").to_ints(),
            points.to_ints(),
        )
    off = curve.G1Points.from_ints([GENERATOR])
    off.rows[0, 0] ^= np.uint64(1)
    _same("beside the curve", curve.is_on_curve(off).tolist(), [False])


def _group_ntt() -> None:
    from zkroll.algebra import group_ntt
    from zkroll.algebra.curve import GENERATOR, G1Points
    from zkroll.algebra.reference import ntt as plain
    from zkroll.algebra.reference.curve import multiply

    multiples = [3, 0, 1, R_MODULUS - 1, 2, 2, 5, 8]
    points = G1Points.from_ints([multiply(GENERATOR, k) for k in multiples])
    values = group_ntt.forward(points)
    _same("transform of points", values.to_ints(), [multiply(GENERATOR, k) for k in plain.forward(multiples)])
    _same("and back", group_ntt.inverse(values).to_ints(), points.to_ints())


def _pairing() -> None:
    from zkroll.algebra.curve import GENERATOR
    from zkroll.algebra.pairing import pairing_product_is_one
    from zkroll.algebra.reference.curve import multiply
    from zkroll.algebra.reference.pairing import GENERATOR_G2, multiply_g2

    # e(6·G, H)·e(-2·G, 3·H) = 1
    left, right = multiply(GENERATOR, 6), multiply_g2(GENERATOR_G2, 3)
    other, wrong = multiply(GENERATOR, R_MODULUS - 2), multiply(GENERATOR, 2)
    _same("product of pairings", pairing_product_is_one([(left, GENERATOR_G2), (other, right)]), True)
    _same("other product", pairing_product_is_one([(left, GENERATOR_G2), (wrong, right)]), False)


# ---- hashes -----------------------------------------------------------------------------------------------


def _poseidon() -> None:
    from zkroll.algebra.poseidon import poseidon_hash
    from zkroll.algebra.reference import poseidon as plain

    known = 7853200120776062878684798364095072458815029376092732009249414926327459813530
    _same("Poseidon(1, 2)", _hashes(poseidon_hash([fr.from_ints([1]), fr.from_ints([2])], 1), 1), [known])
    for inputs in (1, 4):
        columns = [_numbers(_COUNT, R_MODULUS, 11 + i) for i in range(inputs)]
        out = poseidon_hash([fr.from_ints(column) for column in columns], _COUNT)
        expected = [plain.poseidon_hash(row) for row in zip(*columns, strict=True)]
        _same(f"Poseidon of {inputs}", _hashes(out, _COUNT), expected)


def _hashes(block: np.ndarray[tuple[int, ...], np.dtype[np.uint64]], count: int) -> list[int]:
    return fr.to_ints(block, count)


def _messages() -> list[bytes]:
    return [hashlib.sha512(bytes([i])).digest() * 5 for i in range(40)] + [b"", b"abc", bytes(136), bytes(55)]


def _merkle() -> None:
    from zkroll.algebra.merkle import MerkleTree
    from zkroll.algebra.reference.merkle import merkle_root

    leaves = _numbers(11, R_MODULUS, 20)
    tree = MerkleTree.build(fr.from_ints(leaves), 11, depth=5)
    _same("Merkle root", tree.root, merkle_root(leaves, 5))


def _keccak() -> None:
    from zkroll.algebra.keccak import keccak256_many
    from zkroll.algebra.reference.keccak import keccak256

    messages = [message[: 7 * i] for i, message in enumerate(_messages())][::4]
    digests = [row.tobytes() for row in keccak256_many(messages)]
    _same("Keccak-256", digests, [keccak256(message) for message in messages])


def _sha256() -> None:
    from zkroll.algebra.sha256 import sha256_many

    messages = _messages() * 2  # enough that the kernel is faster than hashlib
    digests = [row.tobytes() for row in sha256_many(messages)]
    _same("SHA-256", digests, [hashlib.sha256(message).digest() for message in messages])


def _blake2b() -> None:
    from zkroll.algebra.blake2b import Blake2b

    pieces, known, hashed = _messages(), hashlib.blake2b(), Blake2b()
    for piece in pieces:
        known.update(piece)
        hashed = Blake2b.from_state(hashed.update(piece).state())
    _same("BLAKE2b", hashed.digest(), known.digest())


#: what `zkroll doctor` runs, all together in well under a second once the kernels are loaded
CHECKS: dict[str, Callable[[], None]] = {
    "field": _both_fields(_field),
    "conversion": _both_fields(_conversion),
    "ntt": lambda: _ntt(64),
    "program": _program,
    "division": _division,
    "msm g1": _msm_g1,
    "msm g2": _msm_g2,
    "points": _points,
    "fixed base": _fixed_base,
    "group ntt": _group_ntt,
    "pairing": _pairing,
    "poseidon": _poseidon,
    "merkle": _merkle,
    "keccak": _keccak,
    "sha256": _sha256,
    "blake2b": _blake2b,
}

#: checks that take longer, for tests
LONGER: dict[str, Callable[[], None]] = {"ntt 1024": lambda: _ntt(1024)}
