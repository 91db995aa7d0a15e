"""What long work reports to."""

from __future__ import annotations

from zkroll.algebra.progress import portion


def test_a_portion_maps_its_fractions_into_the_whole() -> None:
    seen: list[tuple[str, float, str]] = []
    part = portion(lambda *event: seen.append(event), 0.2, 0.6)
    part("a", 0.0, "")
    part("b", 0.5, "x")
    part("c", 1.0, "")
    assert [(stage, round(fraction, 9), detail) for stage, fraction, detail in seen] == [
        ("a", 0.2, ""),
        ("b", 0.4, "x"),
        ("c", 0.6, ""),
    ]
