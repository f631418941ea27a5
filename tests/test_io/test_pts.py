from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.io.pts import find_image, read_pts

WITH_HEADER = 'version: 1\nn_points:  2\n{\n10.5 20\n1 1\n}\n'
BARE = '10.5 20\r\n1 1\r\n\r\n'


@pytest.mark.parametrize('text', [WITH_HEADER, BARE])
def test_both_forms_are_one_based(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'a.pts'
    path.write_bytes(text.encode())
    np.testing.assert_array_equal(read_pts(str(path)), [(9.5, 19), (0, 0)])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (WITH_HEADER.replace('1 1\n}\n', ''), '1 of 2 points, and no closing'),
        (WITH_HEADER.replace('1 1\n', ''), '1 of 2 points; the file is cut'),
        (WITH_HEADER.replace('}', ''), 'no closing brace'),
        (WITH_HEADER.replace('1 1', '1'), "line 5: '1' is not"),
        (WITH_HEADER.replace('1 1', 'x 1'), "line 5: 'x 1' is not"),
        (WITH_HEADER.replace('  2', ' two'), 'gives no number of points'),
        (BARE.replace('1 1', 'nan 1'), 'not finite'),
        ('', 'no points'),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'a.pts'
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_pts(str(path))


def test_image_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / 'a.png').touch()
    path = str(tmp_path / 'a.pts')
    assert find_image(path) == str(tmp_path / 'a.png')
    (tmp_path / 'a.jpg').touch()
    assert find_image(path) == str(tmp_path / 'a.jpg')
    with pytest.raises(ValueError, match='b.jpg or .png does not exist'):
        find_image(str(tmp_path / 'b.pts'))
