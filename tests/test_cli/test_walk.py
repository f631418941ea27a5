"""Number of files whose functions ``rcn-mmpose predict photo.jpg`` calls.

A reader who follows the command by hand opens these files: at most 10.
"""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import rcn_mmpose

MOST_FILES = 10
PACKAGE = Path(rcn_mmpose.__file__).parent
# Run the command and write the names of all files whose functions were called.
# Functions that run while a module is imported are not part of the walk.
TRACED_COMMAND = """
import inspect, json, sys, threading

package, out, *arguments = sys.argv[1:]
files = {}


def imported(frame):
    while frame:
        if frame.f_code.co_filename.startswith('<frozen importlib'):
            return True
        frame = frame.f_back
    return False


def trace(frame, event, argument):
    code = frame.f_code
    if (
        event == 'call'
        and code.co_filename.startswith(package)
        and code.co_flags & inspect.CO_OPTIMIZED
        and not imported(frame)
    ):
        files.setdefault(code.co_filename, []).append(code.co_name)


from rcn_mmpose.cli import main

threading.setprofile(trace)
sys.setprofile(trace)
status = main(arguments)
sys.setprofile(None)
with open(out, 'w') as file:
    json.dump(files, file)
sys.exit(status)
"""


def test_predict_runs_through_few_files(face: np.ndarray, tmp_path: Path) -> None:
    """The path from the command line to the keypoints has few files."""
    pytest.importorskip('onnxruntime')
    photo = tmp_path / 'photo.jpg'
    cv2.imwrite(str(photo), face)
    files = tmp_path / 'files.json'
    finished = subprocess.run(
        [
            *(sys.executable, '-c', TRACED_COMMAND, f'{PACKAGE}/', str(files)),
            *('predict', str(photo), '--out', str(tmp_path / 'keypoints.json')),
        ],
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    walked = json.loads(files.read_text())
    names = {
        str(Path(path).relative_to(PACKAGE)): sorted(set(functions))
        for path, functions in walked.items()
    }
    listing = '\n'.join(f'{n}: {", ".join(f)}' for n, f in sorted(names.items()))
    assert len(names) <= MOST_FILES, f'{len(names)} files:\n{listing}'
