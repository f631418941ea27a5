"""Texts from files drive neither a terminal nor a spreadsheet."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.io.text_files import TextTable, safe_cell
from rcn_mmpose.synthetic import render_face

pytest.importorskip('onnxruntime')
CLEAR = '\x1b[2J\x1b]0;title\x07'
TURNED = '\u202egpj.exe'


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    image = render_face(0, size=200, pose=(0.0, 0.0, 0.0), plain=True).image
    cv2.imwrite('photo.png', image)
    return tmp_path / 'photo.png'


def harmless(text: str) -> bool:
    return not any(c in text for c in '\x1b\x07\x9b\x00\r\u202e\u2066')


@pytest.mark.parametrize(
    'name', [f'a{CLEAR}.png', f'a{TURNED}', 'a\rb.png', 'a\x9b.png']
)
def test_names_of_images(name: str, photo: Path, capsys: pytest.CaptureFixture) -> None:
    Path(name).write_bytes(b'no image')
    for command in (
        ['predict', name, 'photo.png', '--model', 'rcn-5', '--verbose'],
        ['predict', f'missing{name}', '--model', 'rcn-5'],
        ['video', name],
        ['evaluate', name, name],
        ['plot', name, '--out', 'a.png'],
        ['predict', 'photo.png', '--model', name],
    ):
        main(command)
        said = capsys.readouterr()
        assert (said.out + said.err).strip()
        assert harmless(said.out + said.err), command


def test_names_in_an_annotation_file(
    photo: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(['predict', 'photo.png', '--model', 'rcn-5', '--out', 'k.json']) == 0
    content = json.loads(Path('k.json').read_text())
    content['categories'][0]['keypoints'] = [f'{i}{CLEAR}' for i in range(5)]
    Path('t.json').write_text(json.dumps(content))
    shutil.copy('t.json', 'p.json')
    main(['evaluate', 'p.json', 't.json'])
    said = capsys.readouterr()
    assert harmless(said.out + said.err)


FORMULAS = ['=1+1', '+1', '-cmd', '@SUM(A1)', "=cmd|' /C calc'!A0", "'=1", "''=1"]
OTHERS = ['photo.png', "'quoted'", 'a=b', "it's", '', "'", 'é=', '1-2']


@pytest.mark.parametrize('text', [*FORMULAS, *OTHERS])
def test_cells_are_read_as_they_were(text: str) -> None:
    cell = safe_cell(text)
    assert isinstance(cell, str)
    assert (cell != text) == (text in FORMULAS)
    assert cell[:1] not in ('=', '+', '-', '@', '\t', '\r')
    lines = ['a,b\n', f'"{cell}",-1.5\n']
    assert list(TextTable(lines).rows()) == [[text, '-1.5']]
    assert safe_cell(-1.5) == -1.5


def test_a_formula_as_the_name_of_an_image(photo: Path) -> None:
    name = '=HYPERLINK(A1).png'
    photo.rename(name)
    assert main(['predict', name, '--model', 'rcn-5', '--out', 'k.csv']) == 0
    with open('k.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert {row['file'] for row in rows} == {f"'{name}"}
    command = ['predict', name, '--model', 'rcn-5', '--boxes', 'k.csv']
    assert main([*command, '--out', 'again.json']) == 0
    found = json.loads(Path('again.json').read_text())
    assert [image['file_name'] for image in found['images']] == [name]
    assert len(found['annotations']) == 1
    points = np.array(found['annotations'][0]['keypoints']).reshape(5, 3)[:, :2]
    expected = [[float(row['x']), float(row['y'])] for row in rows]
    np.testing.assert_allclose(points, expected, atol=1e-3)
