"""``python -m ham_cli`` is ``ham``."""

import sys


def run() -> None:
    """Entry point of the ``ham`` command; Ctrl-C is quiet also while the program is still being loaded."""
    try:
        from ham_cli.app import main

        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
