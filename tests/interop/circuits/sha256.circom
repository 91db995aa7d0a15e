pragma circom 2.0.0;
include "bitify.circom";
include "sha256/sha256.circom";

// The digest of eight secret bytes, as two numbers of 128 bits, high half first.
template Digest() {
    signal input secret;
    signal output digest[2];
    component bits = Num2Bits(64);
    component hash = Sha256(64);
    component halves[2];
    bits.in <== secret;
    for (var i = 0; i < 64; i++) hash.in[i] <== bits.out[63 - i];
    for (var i = 0; i < 2; i++) {
        halves[i] = Bits2Num(128);
        for (var j = 0; j < 128; j++) halves[i].in[j] <== hash.out[128 * i + 127 - j];
        digest[i] <== halves[i].out;
    }
}

component main = Digest();
