"""Names and text of other systems, in every file that people edit."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.evaluation.error_file import read_errors
from rcn_mmpose.io.annotations import read_annotations
from rcn_mmpose.io.box_files import boxes_of, read_boxes
from rcn_mmpose.io.image_names import match_names, names_on_disk
from rcn_mmpose.io.predictions import read_predictions
from rcn_mmpose.io.pts import find_image, read_pts

COMPOSED = 'José.jpg'
DECOMPOSED = unicodedata.normalize('NFD', COMPOSED)
assert COMPOSED != DECOMPOSED


@pytest.mark.parametrize(
    ('name', 'path'),
    [
        ('a\\1.jpg', 'images/a/1.jpg'),
        ('a/1.jpg', 'images/a/1.JPG'),
        ('A1.JPEG', 'A1.jpeg'),
        (COMPOSED, f'x/{DECOMPOSED}'),
        (DECOMPOSED, f'x/{COMPOSED}'),
        ('C:\\faces\\a\\1.jpg', 'faces/a/1.jpg'),
        ('C:\\faces\\a\\1.jpg', '1.jpg'),
        ('d:/faces/1.jpg', '/mnt/d/faces/1.jpg'),
        ('\\\\server\\share\\faces\\1.jpg', 'faces/1.jpg'),
        ('100 % [1] (2).jpg', 'in/100 % [1] (2).jpg'),
        (b'gr\xfc\xdfe.jpg'.decode('utf-8', 'surrogateescape'), 'x/grüße.jpg'),
    ],
)
def test_names_match(name: str, path: str) -> None:
    assert match_names([name], [path]) == {path: name}


def test_names_that_do_not_match() -> None:
    names = ['C:\\faces\\a\\1.jpg', 'C:\\faces\\b\\1.jpg']
    # Folders that tell the names apart must match.
    paths = ['y/b/1.jpg', 'y/c/1.jpg']
    assert match_names(names, paths) == {'y/b/1.jpg': names[1]}
    with pytest.raises(ValueError, match='matches'):
        match_names([COMPOSED], [f'a/{DECOMPOSED}', f'b/{COMPOSED}'])


def test_two_spellings_of_an_image() -> None:
    box = np.ones((1, 4))
    known = {'a/1.jpg': box, 'a\\1.jpg': 2 * box, './a/1.jpg': 3 * box}
    (boxes,) = boxes_of(['x/a/1.jpg'], known)
    assert boxes[:, 0].tolist() == [1, 2, 3]
    # Two files whose names differ in this alone: each has its own boxes.
    known = {COMPOSED: box, DECOMPOSED: 2 * box}
    first, second = boxes_of([COMPOSED, DECOMPOSED], known)
    assert (first[:, 0].tolist(), second[:, 0].tolist()) == ([1], [2])


def test_names_on_disk(tmp_path: Path) -> None:
    (tmp_path / 'in').mkdir()
    for name in ('in/1.JPG', COMPOSED, 'same.jpg', 'same.JPG', 'plain.png'):
        (tmp_path / name).touch()
    found = names_on_disk(
        str(tmp_path),
        ['plain.png', 'in\\1.jpg', DECOMPOSED, 'E:\\x\\in\\1.jpg', 'none.jpg']
        + ['same.jpg', 'same.Jpg', '../out.jpg'],
    )
    assert found == {
        'in\\1.jpg': 'in/1.JPG',
        'E:\\x\\in\\1.jpg': 'in/1.JPG',
        DECOMPOSED: COMPOSED,
    }


@pytest.mark.parametrize('mark', [b'', b'\xef\xbb\xbf', b'utf-16'])
@pytest.mark.parametrize('end', ['\n', '\r\n'])
@pytest.mark.parametrize('separator', [',', ';', '\t', 'sep=;'])
def test_tables_of_spreadsheets(
    tmp_path: Path, mark: bytes, end: str, separator: str
) -> None:
    cell = separator[-1]

    def write(*rows: str) -> str:
        lines = [*rows, ',' * rows[0].count(',')]  # cells without content
        if cell != ',':  # a decimal comma
            lines = [line.replace(',', cell).replace('.5', ',5') for line in lines]
        if separator == 'sep=;':
            lines.insert(0, separator)
        text = ''.join(line + end for line in lines)
        path = tmp_path / 'table.csv'
        content = text.encode('utf-16') if mark == b'utf-16' else mark + text.encode()
        path.write_bytes(content)
        return str(path)

    boxes = read_boxes(write('File, x1,y1,x2,y2', 'é.jpg,1.5,2,30,40.5'))
    assert boxes['é.jpg'].tolist() == [[1.5, 2, 30, 40.5]]
    faces = read_predictions(write('file,face,x,y', 'a.jpg,0,1.5,2', 'a.jpg,0,3,4.5'))
    assert faces[0].keypoints.tolist() == [[1.5, 2], [3, 4.5]]
    head = 'id,img_path,x1,y1,x2,y2,subsets,NME_pixels_box'
    errors = read_errors(write(head, '1,a.jpg,,,,,,1.5', '2,b.jpg,,,,,,inf'))
    assert errors.errors['NME_pixels_box'].tolist() == [1.5, np.inf]


def test_a_table_in_the_encoding_of_windows(tmp_path: Path) -> None:
    path = tmp_path / 'boxes.csv'
    path.write_bytes('file;x1;y1;x2;y2\r\ngrüße.jpg;1,5;2;30;40\r\n'.encode('cp1252'))
    (boxes,) = boxes_of(['in/grüße.jpg'], read_boxes(str(path)))
    assert boxes.tolist() == [[1.5, 2, 30, 40]]


def test_a_wrong_number_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / 'boxes.csv'
    path.write_text('sep=;\nfile;x1;y1;x2;y2\na;1;2;3;4\nb;1.234,5;2;3;4\n')
    with pytest.raises(ValueError, match=r'line 4: .*1\.234\.5'):
        read_boxes(str(path))


def test_json_with_a_byte_order_mark(tmp_path: Path) -> None:
    content = dict(
        images=[dict(id=1, file_name='a.jpg', width=90, height=90)],
        annotations=[
            dict(image_id=1, bbox=[5, 5, 40, 40], keypoints=[10, 20, 2, 30, 20, 2])
        ],
    )
    path = tmp_path / 'a.json'
    path.write_bytes(b'\xef\xbb\xbf' + json.dumps(content).encode())
    assert read_annotations(str(path)).faces[0].file == 'a.jpg'
    assert read_boxes(str(path))['a.jpg'].tolist() == [[5, 5, 45, 45]]
    assert read_predictions(str(path))[0].file == 'a.jpg'


@pytest.mark.parametrize(
    'text',
    ['11,5 21\n2 2\n', '11.5,21\n2,2\n', '11,5;21\n2;2\n', '11.5, 21\n2, 2\n']
    + ['\ufeff11.5\t21\r\n2\t2\r\n', 'Version: 1\nN_points: 2\n{\n11.5 21\n2 2\n}\n'],
)
def test_pts_files_that_people_edit(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'a.pts'
    path.write_bytes(text.encode())
    np.testing.assert_array_equal(read_pts(str(path)), [(10.5, 20), (1, 1)])
    path.write_bytes(text.replace('\ufeff', '').encode('utf-16'))
    np.testing.assert_array_equal(read_pts(str(path)), [(10.5, 20), (1, 1)])


@pytest.mark.parametrize(
    'ending', ['.JPG', '.Jpeg', '.tif', '.TIFF', '.webp', '.bmp', '.pgm', '.avif']
)
def test_the_image_of_a_pts_file(tmp_path: Path, ending: str) -> None:
    name = f'[a] 100 % {DECOMPOSED[:-4]}'
    image = tmp_path / (name + ending)
    image.touch()
    composed = unicodedata.normalize('NFC', name)
    for stem in (name, composed):
        for pts in ('.pts', '.PTS'):
            assert find_image(str(tmp_path / (stem + pts))) == str(image)
    (tmp_path / (name + '.txt')).touch()
    (tmp_path / (name + '.png')).touch()  # comes before rare formats
    first = '.png' if ending != '.JPG' else ending
    assert find_image(str(tmp_path / f'{name}.pts')) == str(tmp_path / (name + first))
