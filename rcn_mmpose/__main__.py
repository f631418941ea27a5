"""Run the console command by ``python -m rcn_mmpose``."""

import sys

from .cli import main

sys.exit(main())
