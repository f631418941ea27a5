from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from conftest import load_tool

VALUE = 'NME_pixels_eye_points'


def write(folder: Path, errors: list[float]) -> Path:
    path = folder / '20260102_030405' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    lines = [{VALUE: e, 'step': i} for i, e in enumerate(errors, 1)]
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return folder


def test_curves_of_two_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = load_tool('analysis_tools/plot_validation.py')
    drawn = []
    draw = tool.draw_convergence
    monkeypatch.setattr(
        tool,
        'draw_convergence',
        lambda path, *rest: (drawn.append(rest), draw(path, *rest)),
    )
    folders = [
        str(write(tmp_path / name, errors))
        for name, errors in (('a', [9.0, 5.0]), ('b', [8.0, 4.0, 3.5]))
    ]
    out = tmp_path / 'curves.png'
    tool.main([*folders, '--labels', 'first', 'second', '--out', str(out)])
    assert drawn == [
        (
            dict(first=[9.0, 5.0], second=[8.0, 4.0, 3.5]),
            f'validated {VALUE}',
        )
    ]
    assert cv2.imread(str(out)).std() > 5


def test_errors(tmp_path: Path) -> None:
    tool = load_tool('analysis_tools/plot_validation.py')
    folder = str(write(tmp_path / 'a', [9.0]))
    with pytest.raises(ValueError, match='have no AUC8; give the work folder'):
        tool.main([folder, '--value', 'AUC8', '--out', 'a.png'])
    with pytest.raises(ValueError, match='a label of its own'):
        tool.main([folder, folder, '--out', 'a.png'])
