"""``python -m zkroll`` is the command line."""

from zkroll.rollup.cli import main

if __name__ == "__main__":
    main()
