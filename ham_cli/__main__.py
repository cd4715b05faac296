"""``python -m ham_cli`` is ``ham``."""

from __future__ import annotations

import gc
import os
import sys


def run() -> None:
    """Entry point of the ``ham`` command; Ctrl-C is quiet also while the program is still being loaded."""
    sys.unraisablehook = _heard
    gc.disable()  # a command lives for seconds, and makes no circles worth the tenth of its start that looking for them costs
    try:
        from ham_cli.quick import answered

        if answered(sys.argv[1:]):
            return
        from ham_cli.app import main

        # Arrow's own allocator keeps what it once had: 30 to 50 MB more, and no faster where tables are read once.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        code = main()
    except KeyboardInterrupt:
        code = 130
    gc.freeze()  # nor is anything found by looking through all of it at the end
    sys.exit(code)


def _heard(lost: sys.UnraisableHookArgs) -> None:
    """Let a Ctrl-C or SIGTERM come once more that came where Python lets nothing be raised: in a callback of its own."""
    import signal
    import threading

    number = {"KeyboardInterrupt": signal.SIGINT, "Terminated": signal.SIGTERM}.get(lost.exc_type.__name__)
    if number is None:
        sys.__unraisablehook__(lost)
        return
    # Not at once: it would come in here, and be lost again.
    again = threading.Timer(0.01, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


if __name__ == "__main__":
    run()
