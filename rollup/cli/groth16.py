"""zkroll groth16: prove and verify for circuits of circom, with the files and verbs that snarkjs has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from zkroll.algebra.progress import portion
from zkroll.rollup.cli.arguments import JsonOption, ThreadsOption
from zkroll.rollup.cli.console import emit, facts, say
from zkroll.rollup.cli.progress import work_progress
from zkroll.rollup.cli.wtns import CalculatorArgument, InputArgument, MemoryOption, TimeoutOption, show_log

if TYPE_CHECKING:
    from zkroll.prover.groth16 import Key
    from zkroll.verifier.groth16 import Proof

app = typer.Typer(help="Prove and verify with Groth16, for circuits of circom.", no_args_is_help=False)

_KeyArgument = Annotated[
    str, typer.Argument(metavar="CIRCUIT.zkey", help="The proving key.", show_default=False)
]
_WitnessArgument = Annotated[
    str, typer.Argument(metavar="WITNESS.wtns", help="The value of each wire.", show_default=False)
]
_ProofOutput = Annotated[str, typer.Argument(metavar="PROOF.json", help="Where to write the proof.")]
_PublicOutput = Annotated[
    str, typer.Argument(metavar="PUBLIC.json", help="Where to write the public signals.")
]
_VerificationKeyArgument = Annotated[
    str, typer.Argument(metavar="VERIFICATION_KEY.json", help="The verification key.", show_default=False)
]
_PublicArgument = Annotated[
    str, typer.Argument(metavar="PUBLIC.json", help="The public signals.", show_default=False)
]
_ProofArgument = Annotated[str, typer.Argument(metavar="PROOF.json", help="The proof.", show_default=False)]
_CircuitOption = Annotated[
    str | None,
    typer.Option(
        "--r1cs", metavar="FILE", help="Check the witness first, and name the constraint it breaks."
    ),
]


@app.command("prove")
def prove_command(
    key: _KeyArgument,
    witness: _WitnessArgument,
    proof: _ProofOutput = "proof.json",
    public: _PublicOutput = "public.json",
    r1cs: _CircuitOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a proof that there is a witness, from a proving key and the witness; both files are snarkjs's.

    The proof is verified before it is written: a witness that breaks the circuit is an error (exit code 2).
    """
    from zkroll.algebra.files import check_writable
    from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
    from zkroll.circuits.r1cs.formats.wtns import read_wtns_words
    from zkroll.prover.groth16 import map_proving_key, prove_zk

    start = time.perf_counter()
    read = [key, witness] if r1cs is None else [key, witness, r1cs]
    check_writable(proof, public, *read)
    check_writable(public, *read)
    values = read_wtns_words(witness)
    with work_progress() as progress:
        progress("reading the key" if r1cs is None else "reading the circuit", 0.0, "")
        system = None if r1cs is None else read_r1cs(r1cs, threads)
        loaded = map_proving_key(key, threads=threads)
        made, signals = prove_zk(loaded, values, r1cs=system, threads=threads, progress=progress)
    _write(made, signals, proof, public)
    _emit_proven(loaded, proof, public, start, as_json)


@app.command("fullprove")
def fullprove_command(
    inputs: InputArgument,
    calculator: CalculatorArgument,
    key: _KeyArgument,
    proof: _ProofOutput = "proof.json",
    public: _PublicOutput = "public.json",
    threads: ThreadsOption = None,
    memory: MemoryOption = 4096,
    timeout: TimeoutOption = 3600.0,
    as_json: JsonOption = False,
) -> None:
    """Calculate the witness of inputs and prove it: wtns calculate and groth16 prove in one.

    Inputs that do not satisfy the circuit are a clean no (exit code 1), with circom's message.
    """
    from zkroll.algebra.files import check_writable
    from zkroll.circuits.r1cs.formats.input_json import read_inputs
    from zkroll.circuits.r1cs.witness_calculator import WitnessCalculator
    from zkroll.prover.groth16 import map_proving_key, prove_zk

    start = time.perf_counter()
    check_writable(proof, public, inputs, calculator, key)
    check_writable(public, inputs, calculator, key)
    signals = read_inputs(inputs)
    with work_progress() as progress:
        progress("reading the key", 0.0, "")
        loaded = map_proving_key(key, threads=threads)
        progress("compiling", 0.05, "")
        compiled = WitnessCalculator(calculator, memory=memory << 20, seconds=timeout, log=show_log)
        words = compiled.calculate(signals, portion(progress, 0.1, 0.3))
        made, values = prove_zk(loaded, words, threads=threads, progress=portion(progress, 0.3, 1.0))
    _write(made, values, proof, public)
    _emit_proven(loaded, proof, public, start, as_json)


@app.command("verify")
def verify_command(
    verification_key: _VerificationKeyArgument,
    public: _PublicArgument,
    proof: _ProofArgument,
    as_json: JsonOption = False,
) -> None:
    """Accept a proof for these public signals (exit code 0), or not (exit code 1)."""
    from zkroll.circuits.r1cs.formats.groth16_json import read_proof, read_public, read_verification_key
    from zkroll.errors import InputError, VerificationError
    from zkroll.verifier.groth16 import Proof, VerifyingKey, verify

    key = VerifyingKey.from_parts(read_verification_key(verification_key))
    signals, parts = read_public(public), read_proof(proof)
    try:
        accepted = verify(key, signals, Proof.from_parts(parts))
    except InputError as error:
        raise VerificationError(f"{proof}: {error}") from error
    if not accepted:
        raise VerificationError(f"{proof}: the proof is not valid for this key and these public signals")
    emit({"accepted": True, "public": [str(value) for value in signals]}, as_json, lambda: say("accepted"))


@app.command("calldata")
def calldata_command(
    public: _PublicArgument,
    proof: _ProofArgument,
    abi: Annotated[
        bool, typer.Option("--abi", help="Print the whole calldata in hexadecimal, to send as a transaction.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print what the Solidity verifier's function takes, as consoles such as Remix expect it on one line.

    The proof is not verified.
    """
    from zkroll.circuits.r1cs.formats.groth16_json import read_proof, read_public
    from zkroll.verifier.groth16 import Proof
    from zkroll.verifier.groth16.calldata import remix_arguments, verify_calldata

    signals, made = read_public(public), Proof.from_parts(read_proof(proof))
    arguments, calldata = remix_arguments(made, signals), "0x" + verify_calldata(made, signals).hex()
    document = {"arguments": arguments, "calldata": calldata}
    emit(document, as_json, lambda: say(calldata if abi else arguments))


def _write(made: Proof, signals: list[int], proof: str, public: str) -> None:
    from zkroll.circuits.r1cs.formats.groth16_json import write_proof, write_public

    write_proof(made.parts, proof)
    write_public(signals, public)


def _emit_proven(key: Key, proof: str, public: str, start: float, as_json: bool) -> None:
    document = {
        "proof": proof,
        "public": public,
        "wires": key.n_wires,
        "domain": key.n,
        "seconds": round(time.perf_counter() - start, 3),
    }
    emit(document, as_json, lambda: facts(document))
