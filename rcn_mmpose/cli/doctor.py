"""Report versions, active workarounds and whether MMPose can be imported.

Exit status: 0 if MMPose can be imported, 1 if not. Shipped models and
exported models (.onnx) predict without torch and MMPose. If neither is
installed, the exit status is 0 if models can predict here, 1 if not.
"""

from __future__ import annotations

import argparse

EXAMPLES = """\
rcn-mmpose doctor
rcn-mmpose doctor > report.txt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(options: argparse.Namespace) -> int:
    """Print the report."""
    from ..environment.diagnosis import main

    return main([])
