PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOLC   := build/solc
SNARKJS := build/snarkjs
ANVIL  := build/anvil

.PHONY: help setup solc prove lint type test test-all bench bench-kernels bench-groth16 bench-l1 mutate contracts example clean

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.done  ## create .venv and install zkroll into it

$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[dev]'
	touch $@

prove: setup  ## prove the example batch, post it to an embedded L1, verify it there
	ZKROLL=$(BIN)/zkroll examples/erc20/run.sh

lint: setup  ## ruff and the layer contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: setup  ## mypy --strict
	$(BIN)/mypy

test: setup  ## the quick suite
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow and not oracle and not anvil"

test-all: setup $(SOLC)/node_modules/solc $(SNARKJS)/node_modules/snarkjs $(ANVIL)/node_modules/@foundry-rs/anvil  ## the whole suite: slow tests and those against npm packages too
	$(BIN)/pytest -q -n 2 --dist loadfile

bench: setup  ## measure the proof of the example batch: seconds, memory and cells by stage, chip and size
	$(BIN)/python benchmarks/batch.py

bench-kernels: setup  ## measure the kernels beside their multiplications and, with ARGS='--peer NAME=PATH', beside other libraries
	$(BIN)/python benchmarks/kernels.py $(ARGS)

bench-groth16: setup  ## measure Groth16 beside snarkjs and, with ARGS='--rapidsnark PATH --gnark PATH', beside rapidsnark and gnark
	$(BIN)/python benchmarks/groth16.py $(ARGS)

bench-l1: setup  ## measure gas and seconds of wrap proofs, gas and bytes per transfer
	$(BIN)/python benchmarks/l1.py $(ARGS)

mutate: setup  ## tamper cells of every chip and count those noticed; writes docs/mutation-survivors.md
	$(BIN)/python benchmarks/mutate.py

L1_CONTRACTS := $(addprefix rollup/l1/contracts/, RollupInbox Rollup WrapVerifier ExitProofs DemoToken)
TOKEN  := examples/erc20/Token

$(SOLC)/node_modules/solc:
	npm install --silent --no-save --prefix $(SOLC) solc@0.8.37

$(SNARKJS)/node_modules/snarkjs:
	npm install --silent --no-save --prefix $(SNARKJS) snarkjs@0.7.6 circom2 circomlib

solc: $(SOLC)/node_modules/solc  ## install the Solidity compiler that contracts are compared with (needs node and npm)

contracts: $(SOLC)/node_modules/solc  ## compile the Solidity sources into their artifacts (needs node and npm)
	for source in $(L1_CONTRACTS) $(TOKEN); do node rollup/l1/contracts/compile.mjs $(SOLC) $$source.sol $$source.json || exit 1; done
	node -p 'JSON.parse(require("fs").readFileSync("$(TOKEN).json")).runtime_bytecode.slice(2)' > rollup/data/token_runtime.hex

example: setup  ## make examples/erc20/batch.json anew
	$(BIN)/python examples/erc20/make_batch.py

$(ANVIL)/node_modules/@foundry-rs/anvil:
	npm install --silent --no-save --prefix $(ANVIL) @foundry-rs/anvil

clean:  ## remove what make made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
