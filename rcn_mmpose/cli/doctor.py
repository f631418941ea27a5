"""Report versions, active workarounds and whether MMPose can be imported.

Exit status: 0 if it can, 1 if not. Models exported to .onnx do not need it.
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
    from ..doctor import main

    return main([])
