"""A peer for benchmarks/kernels.py: arkworks as the Python package zksnake carries it (../README.md).

It uses one thread whatever is asked for. Times include the conversion of Python's integers, which the package
takes and returns; that is a few percent of an MSM, and most of a transform.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zksnake import _algebra

R_MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617
curve, polynomials = _algebra.ec_bn254, _algebra.polynomial_bn254

Task = tuple[Callable[[], Any], Callable[[Any], str]]


def numbers(path: str) -> list[int]:
    data = Path(path).read_bytes()
    return [int.from_bytes(data[i : i + 32], "little") for i in range(0, len(data), 32)]


def hex_words(values: Sequence[int]) -> str:
    return b"".join(value.to_bytes(32, "little") for value in values).hex()


def points_g1(parts: Sequence[int]) -> list[Any]:
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [curve.PointG1.identity() if not any(xy) else curve.PointG1(*xy) for xy in pairs]


def points_g2(parts: Sequence[int]) -> list[Any]:
    return [curve.PointG2(*parts[i : i + 4]) for i in range(0, len(parts), 4)]


def show_g1(point: Any) -> str:
    return hex_words([0, 0] if point.is_zero() else [point.x, point.y])


def show_g2(point: Any) -> str:
    return hex_words([0] * 4 if point.is_zero() else [*point.x, *point.y])


def build(name: str, arguments: Sequence[str]) -> Task:
    if name in ("msm-g1", "msm-g2"):
        first = name == "msm-g1"
        points = (points_g1 if first else points_g2)(numbers(arguments[0]))
        scalars = numbers(arguments[1])
        add = curve.multiscalar_mul_g1 if first else curve.multiscalar_mul_g2
        return lambda: add(points, scalars), show_g1 if first else show_g2
    if name == "ntt":
        column, n = numbers(arguments[0]), 1 << int(arguments[1])
        columns = [column[i : i + n] for i in range(0, len(column), n)]
        return lambda: [polynomials.fft(each, n) for each in columns], checksum
    if name == "pairing-checks":
        words, size = numbers(arguments[0]), int(arguments[1])
        left = points_g1([word for i in range(0, len(words), 6) for word in words[i : i + 2]])
        right = points_g2([word for i in range(0, len(words), 6) for word in words[i + 2 : i + 6]])
        one = curve.multi_pairing([left[0], -left[0]], [right[0], right[0]])
        groups = [slice(i, i + size) for i in range(0, len(left), size)]
        return (
            lambda: [curve.multi_pairing(left[group], right[group]) == one for group in groups],
            lambda flags: bytes(flags).hex(),
        )
    raise LookupError("unknown task")


def checksum(columns: Sequence[Sequence[int]]) -> str:
    values = (value for column in columns for value in column)
    return hex_words([sum(i * value for i, value in enumerate(values, 1)) % R_MODULUS])


def main() -> int:
    try:
        run, show = build(sys.argv[1], sys.argv[3:])
    except (LookupError, ValueError, OSError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 2
    print(json.dumps({"ready": "arkworks through zksnake"}), flush=True)
    for line in sys.stdin:
        spent, last = [], None
        for _ in range(int(line)):
            start = time.perf_counter_ns()
            last = run()
            spent.append(time.perf_counter_ns() - start)
        print(json.dumps({"ns": spent, "result": show(last)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
