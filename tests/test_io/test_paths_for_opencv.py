"""Paths that are not UTF-8, with which functions of OpenCV end the process."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from rcn_mmpose.cli.drawn_video import DrawnVideo
from rcn_mmpose.image.limits import check_path
from rcn_mmpose.image.reading import read_image
from rcn_mmpose.io.image_files import write_image
from rcn_mmpose.tracking.frames import VideoFrames

NAME = 'n\udcff'
# Functions of OpenCV that take a path.
TAKES_PATH = re.compile(
    r'\bcv2\.(imread\w*|imwrite\w*|imcount|haveImage\w+|Video(?:Capture|Writer)|'
    r'CascadeClassifier|FileStorage|dnn\.read\w+)\('
)
# Their arguments are checked or made here: numbers, endings, temporary files, and
# OpenCV's own folder.
CHECKED = {
    'rcn_mmpose/cli/drawn_video.py',
    'rcn_mmpose/detect/haar.py',
    'rcn_mmpose/io/image_files.py',
    'rcn_mmpose/io/result_drawing.py',
    'rcn_mmpose/tracking/frames.py',
    'rcn_mmpose/tracking/size_watch.py',
    'rcn_mmpose/lab/benchmark/video_memory.py',
}


def test_images_of_such_a_name(tmp_path: Path) -> None:
    image = np.full((8, 9, 3), 7, np.uint8)
    path = str(tmp_path / f'{NAME}.png')
    write_image(path, image)
    np.testing.assert_array_equal(read_image(path), image)


def test_videos_of_such_a_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / NAME / 'a.avi'
    path.parent.mkdir()
    path.write_bytes(b'RIFF\0\0\0\0AVI LIST')
    for opened in (VideoFrames, lambda p: DrawnVideo(p, 25.0, (), False)):
        with pytest.raises(ValueError, match='not UTF-8; rename the file'):
            opened(str(path))
    check_path(str(tmp_path / '顔.avi'))


def test_no_other_code_gives_paths_to_opencv() -> None:
    found = set()
    for path in [*ROOT.glob('rcn_mmpose/**/*.py'), *ROOT.glob('tools/**/*.py')]:
        # Without comments and docstrings.
        code = ast.unparse(ast.parse(path.read_text(encoding='utf-8')))
        if TAKES_PATH.search(code):
            found.add(str(path.relative_to(ROOT)))
    assert found <= CHECKED, 'use read_image, write_image or check_path'
