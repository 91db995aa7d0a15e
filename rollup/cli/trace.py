"""zkroll trace: the EVM steps of one transaction of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zkroll.errors import InputError
from zkroll.rollup.cli.arguments import BatchArgument, JsonOption
from zkroll.rollup.cli.console import emit, facts, say, table

if TYPE_CHECKING:
    from zkroll.rollup.executor import ExecutedBatch
    from zkroll.vm.trace import Step

_SHOWN_DIGITS = 18  # of a word, then an ellipsis


def trace_command(
    batch: BatchArgument,
    tx: Annotated[int, typer.Option("--tx", min=0, metavar="INDEX", help="Which transaction, from 0.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Execute a batch and show the steps of one transaction: gas, stack and storage, one line each."""
    from zkroll.rollup.batch import read_batch
    from zkroll.rollup.executor import execute_batch

    loaded = read_batch(batch)
    if tx >= len(loaded.transactions):
        raise InputError(f"{batch}: --tx: expected less than {len(loaded.transactions)}, got {tx}")
    found = describe(execute_batch(loaded), tx)

    def show() -> None:
        facts({name: value for name, value in found.items() if name not in ("steps", "logs")})
        say()
        table(
            "steps",
            ("step", "pc", "depth", "opcode", "gas", "cost", "stack", "in and out", "touches"),
            [_row(step) for step in found["steps"]],
            grouped=False,
        )
        for log in found["logs"]:
            say(f"log of {log['address']}: topics {', '.join(log['topics']) or 'none'}; data {log['data']}")

    emit(found, as_json, show)


def describe(executed: ExecutedBatch, index: int) -> dict[str, Any]:
    """One executed transaction as plain data; words and addresses as hexadecimal strings."""
    from zkroll.rollup.l1 import hex_address

    transaction = executed.batch.transactions[index].transaction
    result = executed.results[index]
    storage: dict[int, str] = {}
    for step, access in executed.trace.storage:
        change = f" -> {access.new:#x}" if access.is_write else ""
        storage[step] = f"storage[{access.slot:#x}] = {access.current:#x}{change}"
    return {
        "transaction": index,
        "from": hex_address(transaction.sender),
        "to": hex_address(transaction.to),
        "value": str(transaction.value),
        "nonce": transaction.nonce,
        "gas_limit": transaction.gas_limit,
        "gas_price": str(transaction.gas_price),
        "calldata": "0x" + transaction.data.hex(),
        "success": result.success,
        "halt": result.halt.name,
        "intrinsic_gas": result.intrinsic_gas,
        "gas_used": result.gas_used,
        "gas_left": result.gas_left,
        "refund": result.refund,
        "output": "0x" + result.output.hex(),
        "logs": [
            {
                "address": hex_address(log.address),
                "topics": [f"0x{topic:064x}" for topic in log.topics],
                "data": "0x" + log.data.hex(),
            }
            for log in result.logs
        ],
        "steps": [
            _step(at, step, storage.get(at, ""))
            for at, step in enumerate(executed.trace.steps)
            if step.transaction == index
        ],
    }


def _step(at: int, step: Step, touches: str) -> dict[str, Any]:
    return {
        "step": at,
        "pc": step.pc,
        "depth": step.depth,
        "opcode": step.name,
        "gas": step.gas_before,
        "cost": step.gas_cost,
        "refund": step.refund_before,
        "stack": step.stack_before,
        "inputs": [hex(word) for word in step.inputs],
        "outputs": [hex(word) for word in step.outputs],
        "memory_words": step.memory_after,
        "touches": touches,
        "halt": step.halt.name,
    }


def _row(step: dict[str, Any]) -> tuple[object, ...]:
    words = ", ".join(_short(word) for word in step["inputs"])
    results = ", ".join(_short(word) for word in step["outputs"])
    moved = f"{words} -> {results}" if results else words
    touches = (
        step["touches"] if step["halt"] in ("NONE", "STOP", "RETURN") else f"{step['touches']} {step['halt']}"
    )
    return (
        step["step"],
        step["pc"],
        step["depth"],
        step["opcode"],
        step["gas"],
        step["cost"],
        step["stack"],
        moved,
        touches.strip(),
    )


def _short(word: str) -> str:
    return word if len(word) <= _SHOWN_DIGITS else word[:_SHOWN_DIGITS] + "…"
