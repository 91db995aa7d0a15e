"""What long work reports to while it goes on."""

from __future__ import annotations

from collections.abc import Callable

#: called with the stage, the fraction of the whole work that is done in [0, 1], and a detail, which may be empty
Progress = Callable[[str, float, str], None]


def quiet(_stage: str, _fraction: float, _detail: str) -> None:
    """The progress that nobody looks at."""


def portion(progress: Progress, begin: float, end: float) -> Progress:
    """Return what a part of the work reports to: its fractions 0..1 are begin..end of the whole."""
    return lambda stage, fraction, detail: progress(stage, begin + (end - begin) * fraction, detail)
