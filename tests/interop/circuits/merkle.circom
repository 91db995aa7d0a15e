pragma circom 2.0.0;
include "poseidon.circom";
include "mux1.circom";
include "bitify.circom";

// A secret leaf is in the tree of a public root; which one it is stays secret.
template Member(depth) {
    signal input root;
    signal input leaf;
    signal input index;
    signal input siblings[depth];
    component bits = Num2Bits(depth);
    component sides[depth];
    component parents[depth];
    bits.in <== index;
    var node = leaf;
    for (var i = 0; i < depth; i++) {
        sides[i] = MultiMux1(2);
        sides[i].c[0][0] <== node;
        sides[i].c[0][1] <== siblings[i];
        sides[i].c[1][0] <== siblings[i];
        sides[i].c[1][1] <== node;
        sides[i].s <== bits.out[i];
        parents[i] = Poseidon(2);
        parents[i].inputs[0] <== sides[i].out[0];
        parents[i].inputs[1] <== sides[i].out[1];
        node = parents[i].out;
    }
    root === node;
}

component main {public [root]} = Member(6);
