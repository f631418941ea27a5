"""``python -m rcn_mmpose``: the console command."""

import sys

from .cli import main

sys.exit(main())
