pragma circom 2.0.0;

// n = p * q, neither of them 1.
template Multiplier() {
    signal input p;
    signal input q;
    signal output n;

    signal inverse[2];
    inverse[0] <-- p == 1 ? 0 : 1 / (p - 1);
    inverse[1] <-- q == 1 ? 0 : 1 / (q - 1);
    inverse[0] * (p - 1) === 1;
    inverse[1] * (q - 1) === 1;
    n <== p * q;
}

component main = Multiplier();
