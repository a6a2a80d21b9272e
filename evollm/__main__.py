"""The command line, as ``python -m evollm``."""

import sys

from evollm.cli.main import main

sys.exit(main())
