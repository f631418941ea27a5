"""``evaluate`` and ``plot``, compared with values that are computed by hand."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.evaluation.error_file import read_errors
from rcn_mmpose.geometry.keypoints import FIVE_NAMES

Fresh = Callable[..., subprocess.CompletedProcess]
# The command in a process in which these packages cannot be imported.
ALONE = """
import sys
sys.modules.update(dict.fromkeys(('torch', 'mmengine', 'mmcv', 'mmpose')))
from rcn_mmpose.cli import main
sys.exit(main(sys.argv[1:]))
"""
# Keypoints with an eye distance of 10 pixels.
FIVE = np.array([(10, 10), (20, 10), (15, 15), (11, 20), (19, 20)], float)


def write_coco(
    path: Path,
    faces: list[tuple[str, np.ndarray]],
    names: tuple = FIVE_NAMES,
    **category: object,
) -> str:
    images = list(dict.fromkeys(name for name, _ in faces))
    annotations = []
    for i, (name, points) in enumerate(faces):
        low, high = points.min(0) - 5, points.max(0) + 5
        flags = np.full((len(points), 1), 2.0)
        annotations.append(
            dict(
                id=i,
                image_id=images.index(name),
                keypoints=np.hstack((points, flags)).ravel().tolist(),
                bbox=[*low.tolist(), *(high - low).tolist()],
            )
        )
    content = dict(
        images=[dict(id=i, file_name=n) for i, n in enumerate(images)],
        annotations=annotations,
        categories=[dict(keypoints=list(names), **category)],
    )
    path.write_text(json.dumps(content))
    return str(path)


def numbers(text: str, label: str) -> list[float]:
    """Return the numbers in the line of a label."""
    (line,) = re.findall(rf'^{label} +(.*)$', text, re.M)
    return [float(word) for word in line.split()]


def test_errors_equal_values_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    moved = FIVE + (0.3, 0.4)  # 0.5 pixels, 5 percent of the eye distance
    one = FIVE.copy()
    one[2] += (0, 5)  # one of five keypoints, 50 percent
    truth = write_coco(tmp_path / 'truth.json', [('t/a.png', FIVE), ('t/b.png', FIVE)])
    found = write_coco(
        tmp_path / 'found.json', [('x/t/b.png', one), ('x/t/a.png', moved)]
    )
    errors, curves = tmp_path / 'e.csv', tmp_path / 'new' / 'ced.png'
    words = ['--errors', str(errors), '--curves', str(curves)]
    assert main(['evaluate', found, truth, *words]) == 0
    said = capsys.readouterr().out
    assert said.startswith('2 of 2 faces have a prediction, 0 missed')
    # The errors are 5 and 10 percent: mean 7.5, AUC8 (8 - 5) / (2 * 8).
    assert numbers(said, 'eye_points') == [2, 7.5, 7.5, 18.75, 50, 25, 0]
    box = np.sqrt(10 * 10)
    assert numbers(said, 'box')[1] == pytest.approx(75 / box, abs=0.005)
    file = read_errors(str(errors))
    np.testing.assert_allclose(file.errors['NME_pixels_eye_points'], (5, 10))
    assert curves.stat().st_size > 1000


def test_missed_faces_have_an_infinite_error(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    truth = write_coco(tmp_path / 'truth.json', [(f'{n}.png', FIVE) for n in 'abcd'])
    found = write_coco(tmp_path / 'found.json', [('a.png', FIVE), ('other.png', FIVE)])
    assert main(['evaluate', found, truth]) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        '1 of 4 faces have a prediction, 3 missed; 1 predictions of no'
    )
    count, mean, median, *rates = numbers(said, 'eye_points')
    assert (count, mean, median) == (4, np.inf, np.inf)
    assert rates == [25, 75, 25, 75]  # AUC and FR at 8 and at 10


def test_each_face_gets_its_own_prediction(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    left, right, far = FIVE, FIVE + (6, 0), FIVE + (100, 0)
    truth = write_coco(
        tmp_path / 'truth.json',
        [('a.png', left), ('a.png', right), ('a.png', far)],
    )
    # The first two predictions lie in both boxes, the last one in no box.
    predicted = [left + (2, 0), right + (1, 0), far + (40, 0)]
    found = write_coco(tmp_path / 'found.json', [('a.png', p) for p in predicted[::-1]])
    errors = tmp_path / 'e.csv'
    words = ['evaluate', found, truth, '--errors', str(errors)]
    assert main(words) == 1
    assert '2 of 3 faces have a prediction' in capsys.readouterr().out
    file = read_errors(str(errors))
    np.testing.assert_allclose(file.errors['NME_pixels_eye_points'], (20, 10, np.inf))


def test_known_and_given_normalisers(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = np.random.default_rng(0)

    def heads(count: int, *more: str, **category: object) -> list[str]:
        points = rng.uniform(0, 50, (count, 2))
        names = tuple(f'kpt-{i}' for i in range(count))
        truth = write_coco(tmp_path / 't.json', [('a.png', points)], names, **category)
        found = write_coco(tmp_path / 'p.json', [('a.png', points + 1)])
        assert main(['evaluate', found, truth, *more]) == 0
        table = capsys.readouterr().out.split('infinite error')[1]
        return re.findall(r'^(\w+) +1 ', table, re.M)

    assert heads(68) == ['eye_centres', 'outer_corners', 'box']
    assert heads(98) == ['outer_corners', 'eye_points', 'eye_centres', 'box']
    assert heads(29) == ['outer_corners', 'eye_points', 'box']
    assert heads(4) == ['box']
    assert heads(4, eyes=[[0, 1], [2]]) == ['eye_centres', 'box']
    given = heads(4, '--normaliser', 'mine=0,1:3')
    assert given == ['mine', 'box']


def test_68_keypoints_are_compared_with_five(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 50, (68, 2))
    five = np.stack(
        (
            points[36:42].mean(0),
            points[42:48].mean(0),
            *points[[30, 48, 54]],
        )
    )
    names = tuple(f'kpt-{i}' for i in range(68))
    many = write_coco(tmp_path / 'm.json', [('a.png', points)], names)
    few = write_coco(tmp_path / 'f.json', [('a.png', five + (3, 4))])
    wanted = 500 / np.linalg.norm(five[1] - five[0])
    for pair in ((many, few), (few, many)):
        assert main(['evaluate', *pair]) == 0
        said = capsys.readouterr().out
        found = numbers(said, 'eye_points')[1]
        assert found == pytest.approx(wanted, abs=0.005)
    three = write_coco(tmp_path / '3.json', [('a.png', five[:3])])
    assert main(['evaluate', three, few]) == 2
    assert 'of 3 keypoints and annotations of 5' in capsys.readouterr().err


def test_five_keypoints_without_names(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    five, many = FIVE + 1, np.random.default_rng(0).uniform(0, 50, (68, 2))
    found = write_coco(tmp_path / '5.json', [('a.png', five)], ())
    found_68 = write_coco(tmp_path / '68.json', [('a.png', many)], ())
    other = tuple('abcde')
    for names, told in (((), 'it has no names'), (other, 'it has a, b, c')):
        truth = write_coco(tmp_path / 't.json', [('a.png', FIVE)], names)
        assert main(['evaluate', found_68, truth]) == 2
        error = capsys.readouterr().err
        assert f'{", ".join(FIVE_NAMES)}, in this order' in error
        assert told in error
        # The errors are still measured, and a note names the missing normaliser.
        assert main(['evaluate', found, truth]) == 0
        said = capsys.readouterr().out
        assert numbers(said, 'box')[0] == 1 and 'eye_points' not in said
        assert 'Note: the size of the box is the only normaliser' in said
        assert f'{", ".join(FIVE_NAMES)} there' in said
    more = ('--normaliser', 'eyes=0:1')
    assert main(['evaluate', found, truth, *more]) == 0
    assert 'Note' not in capsys.readouterr().out
    truth = write_coco(tmp_path / 't.json', [('a.png', FIVE)])
    assert main(['evaluate', found, truth]) == 0
    assert 'Note' not in capsys.readouterr().out


def test_without_torch_and_mmpose(
    tmp_path: Path, fresh: Fresh, capsys: pytest.CaptureFixture
) -> None:
    points = np.random.default_rng(0).uniform(0, 50, (68, 2))
    truth = write_coco(tmp_path / 't.json', [('a.png', points)], ())
    found = write_coco(tmp_path / 'p.json', [('a.png', points + (3, 4))], ())
    words = ('evaluate', found, truth, '--errors', 'e.csv')
    done = fresh('-c', ALONE, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    eyes = points[[36, 39]].mean(0) - points[[42, 45]].mean(0)
    wanted = 500 / np.linalg.norm(eyes)
    assert numbers(done.stdout, 'eye_centres')[1] == pytest.approx(wanted, abs=0.005)
    assert 'subsets left out' in done.stderr  # the subsets of the test set of 300W
    # The same table as with the packages.
    assert main([*words[:3], '--errors', str(tmp_path / 'f.csv')]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[:-1] == done.stdout.splitlines()[:-1]
    done = fresh('-c', ALONE, 'plot', 'e.csv', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout, 'e.csv')[1] == pytest.approx(wanted, abs=0.005)


def test_an_error_file_never_overwrites_an_input(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    truth = write_coco(tmp_path / 't.json', [('a.png', FIVE)])
    found = write_coco(tmp_path / 'p.json', [('a.png', FIVE)])
    for path, what in ((found, 'predictions'), (truth, 'annotations')):
        before = Path(path).read_bytes()
        assert main(['evaluate', found, truth, '--errors', path]) == 2
        assert f'is the file of {what}' in capsys.readouterr().err
        assert Path(path).read_bytes() == before


def test_files_without_a_common_image(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    truth = write_coco(tmp_path / 't.json', [('a.png', FIVE)])
    found = write_coco(tmp_path / 'p.json', [('b.png', FIVE)])
    assert main(['evaluate', found, truth]) == 2
    error = capsys.readouterr().err
    assert "'b.png'" in error and "'a.png'" in error
    nothing = write_coco(tmp_path / 'n.json', [])
    assert main(['evaluate', found, nothing]) == 2
    assert 'no keypoints' in capsys.readouterr().err


def test_plot_prints_a_table_of_error_files(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name, errors in (('a', (2, 4, 12)), ('b', (1, 1, 1))):
        lines = [f'{i},{i}.png,,,,,,{e}' for i, e in enumerate(errors)]
        head = 'id,img_path,x1,y1,x2,y2,subsets,NME_pixels_box'
        (tmp_path / f'{name}.csv').write_text('\n'.join((head, *lines)))
    files = [str(tmp_path / 'a.csv'), str(tmp_path / 'b.csv')]
    out = tmp_path / 'new' / 'ced.png'
    words = ['--labels', 'first', 'second', '--out', str(out)]
    assert main(['plot', *files, *words]) == 0
    said = capsys.readouterr().out
    # AUC8: (6 + 4 + 0) / (3 * 8); FR8: one of three.
    wanted = [3, 6, 4, 41.67, 33.33, 46.67, 33.33]
    assert numbers(said, 'first') == wanted
    assert numbers(said, 'second') == [3, 1, 1, 87.5, 0, 90, 0]
    assert 'different faces' not in said
    assert out.stat().st_size > 1000
    assert main(['plot', *files, '--labels', 'one', '--out', str(out)]) == 2
    assert 'give each file a label' in capsys.readouterr().err
