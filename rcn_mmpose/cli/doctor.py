"""Report versions, active workarounds and whether MMPose can be imported.

Exit status: 0 if MMPose can be imported, 1 if not. Shipped models and exported
models (.onnx) predict without MMPose. If MMPose is missing, the report says
whether they can predict here.
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
