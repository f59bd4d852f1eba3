"""``python -m skal``: the command line."""

from skal.cli import main

if __name__ == "__main__":
    main()
