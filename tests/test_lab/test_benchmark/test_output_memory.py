from __future__ import annotations

from pathlib import Path

import pytest

from rcn_mmpose.io.predictions import read_predictions
from rcn_mmpose.lab.benchmark.output_memory import main, write_results


@pytest.mark.parametrize('ending', ['.json', '.csv'])
def test_a_face_for_each_image(tmp_path: Path, ending: str) -> None:
    path = str(tmp_path / f'k{ending}')
    row = write_results(path, 33, keypoints=4)
    assert (row.ending, row.images) == (ending, 33)
    assert row.seconds > 0 and row.peak > 10 and row.megabytes > 0.01
    faces = read_predictions(path)
    assert len(faces) == len({face.file for face in faces}) == 33
    assert faces[0].keypoints.shape == (4, 2)


def test_a_row_for_each_count_and_form(capsys: pytest.CaptureFixture) -> None:
    main(['9', '3', '--keypoints', '2'])
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows] == [
        *(['.json', '3'], ['.json', '9'], ['.csv', '3'], ['.csv', '9'])
    ]
