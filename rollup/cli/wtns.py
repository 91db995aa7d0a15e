"""zkroll wtns: calculate a circuit's witness, check it, or write it as JSON."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from zkroll.algebra.progress import portion
from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts, one_line
from zkroll.rollup.cli.progress import work_progress
from zkroll.rollup.cli.r1cs import R1csArgument

app = typer.Typer(help="Calculate a witness (.wtns), check it, or write it as JSON.", no_args_is_help=False)
export = typer.Typer(help="Write the witness in another format.", no_args_is_help=False)
app.add_typer(export, name="export")

_WtnsArgument = Annotated[
    str, typer.Argument(metavar="WITNESS.wtns", help="The value of each wire.", show_default=False)
]
CalculatorArgument = Annotated[
    str,
    typer.Argument(
        metavar="CIRCUIT.wasm", help="The calculator that circom --wasm writes.", show_default=False
    ),
]
InputArgument = Annotated[
    str, typer.Argument(metavar="INPUT.json", help="The values of the input signals.", show_default=False)
]
MemoryOption = Annotated[
    int,
    typer.Option("--memory", metavar="MIB", min=1, max=4096, help="Memory that the calculator may use."),
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Time that it may use.")
]
_NewWtnsArgument = Annotated[str, typer.Argument(metavar="WITNESS.wtns", help="Where to write the witness.")]
_OutputArgument = Annotated[
    str, typer.Argument(metavar="OUTPUT.json", help="Where to write it.", show_default=False)
]
_SymOption = Annotated[
    str | None,
    typer.Option("--sym", metavar="FILE", help="Names of the signals, for the constraint that is broken."),
]


@app.command("calculate")
def calculate_command(
    calculator: CalculatorArgument,
    inputs: InputArgument,
    output: _NewWtnsArgument = "witness.wtns",
    memory: MemoryOption = 4096,
    timeout: TimeoutOption = 3600.0,
    as_json: JsonOption = False,
) -> None:
    """Run a circuit's calculator on inputs; exit code 1 and circom's message if they do not satisfy it.

    What the circuit logs is shown on stderr.
    """
    from zkroll.algebra.files import check_writable
    from zkroll.circuits.r1cs.formats.input_json import read_inputs
    from zkroll.circuits.r1cs.formats.wtns import write_wtns
    from zkroll.circuits.r1cs.witness_calculator import WitnessCalculator

    start = time.perf_counter()
    check_writable(output, calculator, inputs)
    signals = read_inputs(inputs)
    with work_progress() as progress:
        progress("compiling", 0.0, "")
        compiled = WitnessCalculator(calculator, memory=memory << 20, seconds=timeout, log=show_log)
        words = compiled.calculate(signals, portion(progress, 0.1, 1.0))
    write_wtns(words, output)
    document = {"witness": output, "wires": len(words), "seconds": round(time.perf_counter() - start, 3)}
    emit(document, as_json, lambda: facts(document))


def show_log(line: str) -> None:
    """Show a line that the circuit logs, on stderr."""
    sys.stderr.write(f"log: {one_line(line)}\n")
    sys.stderr.flush()


@app.command("check")
def check_command(
    circuit: R1csArgument, witness: _WtnsArgument, sym: _SymOption = None, as_json: JsonOption = False
) -> None:
    """Check that a witness satisfies every constraint; exit code 1 and the first broken one if not."""
    from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
    from zkroll.circuits.r1cs.formats.sym import read_names
    from zkroll.circuits.r1cs.formats.wtns import read_wtns
    from zkroll.errors import ConstraintViolation, InputError

    system = read_r1cs(circuit)
    violation = system.first_violation(read_wtns(witness))
    if violation is not None:
        names, note = None, ""
        try:
            names = None if sym is None else read_names(sym, violation.wires)
        except InputError as error:
            note = f" (no names: {error})"
        raise ConstraintViolation(f"{witness}: {violation.describe(names)}{note}")
    document = {"ok": True, "wires": system.n_wires, "constraints": system.n_constraints}
    shown = {"witness": "satisfies every constraint", **{k: document[k] for k in ("wires", "constraints")}}
    emit(document, as_json, lambda: facts(shown))


@export.command("json")
def export_json_command(witness: _WtnsArgument, output: _OutputArgument, as_json: JsonOption = False) -> None:
    """Write the values as JSON: an array of decimal strings, as snarkjs does."""
    from zkroll.algebra.files import check_writable
    from zkroll.circuits.r1cs.formats.export import export_wtns_json
    from zkroll.circuits.r1cs.formats.wtns import read_wtns

    check_writable(output, witness)
    values = read_wtns(witness)
    export_wtns_json(values, output)
    document = {"file": output, "values": len(values)}
    emit(document, as_json, lambda: facts(document))
