#!/bin/sh
# Build the peer into FOLDER/ffiasm: needs node, npm, nasm, a C++ compiler with OpenMP, and GMP's headers.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: $0 FOLDER" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
npm install --silent --no-save --prefix . ffiasm@0.1.5
source=$(pwd)/node_modules/ffiasm
mkdir -p fields
(
    cd fields
    node "$source/src/buildzqfield.js" -n Fq \
        -q 21888242871839275222246405745257275088696311157297823662689037894645226208583
    node "$source/src/buildzqfield.js" -n Fr \
        -q 21888242871839275222246405745257275088548364400416034343698204186575808495617
    nasm -felf64 fq.asm
    nasm -felf64 fr.asm
)
${CXX:-g++} -O3 -march=native -std=c++17 -fopenmp -Ifields -I"$source/c" -o ffiasm \
    "$here/main.cpp" "$source/c/naf.cpp" "$source/c/splitparstr.cpp" "$source/c/alt_bn128.cpp" "$source/c/misc.cpp" \
    fields/fq.cpp fields/fr.cpp fields/fq.o fields/fr.o -lgmp
