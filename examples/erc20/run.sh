#!/bin/sh
# The whole way of a batch on an L1 of its own: deploy the inbox, prove, post, verify against what was posted.
#
#     examples/erc20/run.sh [WORK_FOLDER]
#
# The folder (a fresh temporary one by default) gets the embedded L1 and the proof. ZKROLL names the command.
set -eu

zkroll=${ZKROLL:-zkroll}
here=$(dirname "$0")
work=${1:-$(mktemp -d)}

step() {
    printf '\n== %s\n' "$1"
}

step "compile the kernels (first run only)"
$zkroll doctor --warm-up

step "an embedded L1 with the rollup's inbox"
$zkroll l1 deploy --l1 "$work/L1"

step "execute and prove 34 transactions"
$zkroll prove "$here/batch.json" -o "$work/proof.zkp"

step "post roots and data to L1"
$zkroll l1 post "$work/proof.zkp" --l1 "$work/L1"

step "verify the proof against the posted roots and data"
$zkroll verify "$work/proof.zkp" --l1 "$work/L1"

printf '\nproof and L1 are in %s\n' "$work"
