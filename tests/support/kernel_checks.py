"""Runs the self-test's checks, and longer ones, in a process of its own; prints what they found as JSON.

python kernel_checks.py [NAME ...]
"""

from __future__ import annotations

import json
import sys

from zkroll.algebra import selftest


def main() -> None:
    """Run the checks named on the command line, or all."""
    names = sys.argv[1:] or [*selftest.CHECKS, *selftest.LONGER]
    print(json.dumps({outcome.name: outcome.message for outcome in selftest.run(names)}))


if __name__ == "__main__":
    main()
