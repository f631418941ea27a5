"""The names that the package shows to a user."""

from __future__ import annotations

import subprocess
import sys


def test_dir_shows_the_public_names() -> None:
    code = (
        'import rcn_mmpose\n'
        'print([n for n in dir(rcn_mmpose) if not n.startswith("_")])\n'
        'from rcn_mmpose import *\n'
        'print(load_model.__name__, model_files.__name__)'
    )
    said = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines() == [
        "['environment', 'load_model', 'model_files', 'version']",
        'load_model model_files',
    ]
