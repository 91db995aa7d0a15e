pragma circom 2.0.0;
include "smt/smtprocessor.circom";

component main {public [oldRoot, newKey]} = SMTProcessor(8);
