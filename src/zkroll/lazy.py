"""Names of a package that are imported when they are first used, so that importing the package costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


def lazy_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package that offers names of its modules.

    homes: for each module of the package, or of another with its whole name, the names that it has.
    """
    whole = {m: m if m.startswith("zkroll.") else f"{package}.{m}" for m in homes}
    places = {name: whole[module] for module, names in homes.items() for name in names}

    def getattr_(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(places[name]), name)

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return getattr_, dir_, sorted(places)
