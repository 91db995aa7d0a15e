"""zkroll r1cs: what is in a circuit that circom compiled."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts, say

app = typer.Typer(help="Show a circuit of circom (.r1cs), or write it as JSON.", no_args_is_help=False)
export = typer.Typer(help="Write the constraints in another format.", no_args_is_help=False)
app.add_typer(export, name="export")

R1csArgument = Annotated[
    str, typer.Argument(metavar="CIRCUIT.r1cs", help="The constraints.", show_default=False)
]
_SymArgument = Annotated[
    str | None, typer.Argument(metavar="[CIRCUIT.sym]", help="Names of the signals.", show_default=False)
]
_OutputArgument = Annotated[
    str, typer.Argument(metavar="OUTPUT.json", help="Where to write it.", show_default=False)
]


@app.command("info")
def info_command(circuit: R1csArgument, as_json: JsonOption = False) -> None:
    """Show how many wires, signals, constraints and terms a circuit has."""
    from zkroll.circuits.r1cs.formats.r1cs import read_r1cs

    system = read_r1cs(circuit)
    found: dict[str, Any] = {
        "file": circuit,
        "curve": "bn128",
        "wires": system.n_wires,
        "constraints": system.n_constraints,
        "private_inputs": system.n_private_inputs,
        "public_inputs": system.n_public_inputs,
        "outputs": system.n_outputs,
        "labels": system.n_labels,
        "terms": {name: matrix.n_terms for name, matrix in zip("ABC", system.matrices, strict=True)},
    }
    terms = ", ".join(f"{count} in {name}" for name, count in found["terms"].items())
    emit(found, as_json, lambda: facts({**found, "terms": terms}))


@app.command("print")
def print_command(circuit: R1csArgument, sym: _SymArgument = None) -> None:
    """Print every constraint, with the names of its signals if their file is given."""
    from zkroll.circuits.r1cs.formats.export import constraint_lines
    from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
    from zkroll.circuits.r1cs.formats.sym import read_names

    system = read_r1cs(circuit)
    names = None if sym is None else read_names(sym)
    for line in constraint_lines(system, names):
        say(line)


@export.command("json")
def export_json_command(circuit: R1csArgument, output: _OutputArgument, as_json: JsonOption = False) -> None:
    """Write the constraints as JSON, as snarkjs does."""
    from zkroll.algebra.files import check_writable
    from zkroll.circuits.r1cs.formats.export import export_r1cs_json
    from zkroll.circuits.r1cs.formats.r1cs import read_r1cs

    check_writable(output, circuit)
    system = read_r1cs(circuit)
    export_r1cs_json(system, output)
    document = {"file": output, "constraints": system.n_constraints}
    emit(document, as_json, lambda: facts(document))
