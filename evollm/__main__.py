"""The command line, as ``python -m evollm``."""

import sys

from evollm.cli import main

sys.exit(main())
