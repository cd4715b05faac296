"""``python -m ham_cli`` is ``ham``."""

import gc
import sys


def run() -> None:
    """Entry point of the ``ham`` command; Ctrl-C is quiet also while the program is still being loaded."""
    gc.disable()  # a command lives for seconds, and makes no circles worth the tenth of its start that looking for them costs
    try:
        from ham_cli.app import main

        code = main()
    except KeyboardInterrupt:
        code = 130
    gc.freeze()  # nor is anything found by looking through all of it at the end
    sys.exit(code)


if __name__ == "__main__":
    run()
