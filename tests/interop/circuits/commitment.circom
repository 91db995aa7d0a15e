pragma circom 2.0.0;
include "poseidon.circom";

// A commitment to two values under a public salt.
template Commitment() {
    signal input salt;
    signal input values[2];
    signal output hash;
    component poseidon = Poseidon(3);
    poseidon.inputs[0] <== salt;
    poseidon.inputs[1] <== values[0];
    poseidon.inputs[2] <== values[1];
    hash <== poseidon.out;
}

component main {public [salt]} = Commitment();
