"""A changed verifying key is a changed protocol: the CHANGELOG must name it."""

from pathlib import Path

from zkroll.rollup.prove import proving_key

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def test_the_changelog_names_the_development_key() -> None:
    assert f"`0x{proving_key().vk.digest:064x}`" in CHANGELOG.read_text()
