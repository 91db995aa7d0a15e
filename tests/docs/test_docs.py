"""The chapters name what is there, their links lead somewhere, and their example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from zkroll.circuits import buses
from zkroll.circuits.air.chip import Bus
from zkroll.circuits.machine import batch_machine
from zkroll.rollup.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def _chapter(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _verbs() -> list[str]:
    command = typer.main.get_command(app)
    found = []
    for name, verb in command.commands.items():  # type: ignore[attr-defined]
        inner = getattr(verb, "commands", None)
        found += [f"{name} {sub}" for sub in inner] if inner else [name]
    return found


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_bus_is_named_in_the_chapter_on_circuits():
    named = {bus.name for bus in vars(buses).values() if isinstance(bus, Bus)}
    named |= {i.bus.name for chip in batch_machine().chips for i in chip.air.interactions}
    text = _chapter("circuits.md")
    assert not [name for name in sorted(named) if f"`{name}`" not in text]


def test_every_chip_has_a_row_in_the_table_of_chips():
    table = _chapter("circuits.md").split("## All chips")[1].split("\n## ")[0]
    assert not [chip.name for chip in batch_machine().chips if f"`{chip.name}`" not in table]


def test_the_table_of_chips_names_existing_files():
    table = _chapter("circuits.md").split("## All chips")[1].split("\n## ")[0]
    files = re.findall(r"^\| `\w+`.*? \| `([\w/.]+)` \|", table, re.MULTILINE)
    assert len(files) > 30
    assert not [name for name in files if not (ROOT / "circuits" / "chips" / name).exists()]


@pytest.mark.parametrize("verb", _verbs())
def test_every_verb_is_in_the_chapter_on_the_rollup_or_on_groth16(verb):
    assert re.search(rf"`zkroll {verb}\b", _chapter("rollup.md") + _chapter("groth16.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page):
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in _anchors(place)):
            broken.append(target)
    assert not broken


def test_every_chapter_and_decision_is_reachable_from_the_index():
    linked = {(ROOT / "docs" / target).resolve() for target in LINK.findall(_chapter("index.md"))}
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs") and page.name != "index.md"}
    assert not sorted(str(page.relative_to(ROOT)) for page in pages - linked)


def test_every_environment_variable_of_the_code_is_documented():
    sources = [path for folder in ("algebra", "rollup") for path in (ROOT / folder).rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"ZKROLL_[A-Z0-9_]+", path.read_text("utf-8"))}
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert used
    assert not [name for name in sorted(used) if name not in text]


def test_the_example_chip_of_the_chapter_on_circuits_runs():
    (example,) = re.findall(r"```python\n(.*?)```", _chapter("circuits.md"), re.DOTALL)
    exec(compile(example, "docs/circuits.md", "exec"), {"__name__": "example"})
