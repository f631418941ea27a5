"""Report versions, active workarounds and whether MMPose can be imported.

Exit status: 0 if it can, 1 if not. Models that ship and exported ones (.onnx)
predict without it; where it is missing, the report says whether they do here.
"""

from __future__ import annotations

import argparse

EXAMPLES = """\
rcn-mmpose doctor
rcn-mmpose doctor > report.txt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: none."""


def run(options: argparse.Namespace) -> int:
    """Print the report."""
    from ..environment.diagnosis import main

    return main([])
