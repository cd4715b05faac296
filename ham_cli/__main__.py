"""``python -m ham_cli`` is ``ham``."""

import sys

from ham_cli.app import main

sys.exit(main())
