"""The two prime fields of BN254 (alt_bn128, EIP-196) and the roots of unity of its scalar field."""

from zkroll.errors import InputError

R_MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617
Q_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583

FR_GENERATOR = 5  # generates the multiplicative group of Fr
FR_TWO_ADICITY = 28  # 2^28 divides r - 1, 2^29 does not


def root_of_unity(log_n: int) -> int:
    """Return ω = 5^((r-1)/2^log_n), a primitive 2^log_n-th root of unity of Fr.

    Raises InputError when log_n is not in 0..28.
    """
    if not 0 <= log_n <= FR_TWO_ADICITY:
        raise InputError(f"root_of_unity: log_n must be in 0..{FR_TWO_ADICITY}, got {log_n}")
    return pow(FR_GENERATOR, (R_MODULUS - 1) >> log_n, R_MODULUS)
