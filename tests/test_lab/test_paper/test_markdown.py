from __future__ import annotations

from pathlib import Path

import pytest

from rcn_mmpose.lab.paper.markdown import (
    mean_and_spread,
    put_between_marks,
    recipe_of,
    table_text,
)
from rcn_mmpose.lab.paper.tables import Column, Table, TableRow

TABLE = Table(
    'table9',
    'Table 9',
    [
        Column('aflw', 'AFLW', 'aflw'),
        Column('ibug', 'IBUG', '300w', 'challenging'),
        Column('full', 'Fullset', '300w', count=689),
    ],
    [
        TableRow('RCN', 'rcn', dict(aflw=5.6)),
        TableRow('joint, 49', 'joint', dict(ibug=4.81, full=3.76), '49'),
        TableRow('SumNet', 'sumnet', dict(aflw=6.27)),
    ],
    [],
    'A | B.',
)
SETS = {'aflw': 5, '300w': 68}


def test_set(cells: float, pixels: float, seed: int) -> dict:
    errors = dict(NME_cells_eye_points=cells, NME_pixels_eye_points=pixels)
    return dict(list='aflw5_test', tested=2995, date=f'2026-01-0{seed}', errors=errors)


test_set.__test__ = False  # pytest must not collect it


def run(seed: int = 0, tests: dict | None = None, epochs: tuple = (30,)) -> dict:
    return dict(
        fingerprint=f'{epochs}',
        seed=seed,
        epochs=list(epochs),
        trained_on=[dict(list='mtfl_train', faces=9000)],
        command='python tools/train.py x',
        tests=tests or {},
    )


def table(runs: dict, outdated: int = 0, **reasons: str) -> list[list[str]]:
    """Return the cells of the table; the last line holds the notes."""
    text = table_text(
        TABLE,
        lambda name: (runs.get(name, []), outdated),
        lambda name: 68 if name == 'joint' else 5,
        SETS,
        reasons,
    )
    *lines, empty, notes = text.split('\n')
    assert not empty
    cells = [[c.strip() for c in n.strip('|').split(' | ')] for n in lines]
    assert len({line.count('|') - line.count(r'\|') for line in lines}) == 1
    return [*cells, [notes]]


def test_table_without_results() -> None:
    head, rule, rcn, joint, sumnet, (notes,) = table({}, sumnet='no data')
    assert head == (
        'row epochs seeds AFLW paper IBUG paper Fullset paper recipe date'
    ).split(' ')
    assert set(rule) == {'---'}
    assert rcn == ['RCN', '', '', 'not run', '5.60', *[''] * 6]
    assert joint[3:9] == ['', '', 'not run', '4.81', 'not run', '3.76']
    assert sumnet[3] == 'not run: no data'
    assert notes.startswith('Errors in percent') and notes.endswith('A | B.')


def test_seeds_are_summarised() -> None:
    runs = [
        run(1, dict(aflw=test_set(5.0, 4.0, 1))),
        run(0, dict(aflw=test_set(6.0, 4.2, 2))),
        run(0, dict(aflw=test_set(7.0, 6.5, 1)), epochs=(5,)),
    ]
    _, _, many, single, *_, (notes,) = table(dict(rcn=runs))
    # The standard deviation of 5 and 6 is their difference / sqrt(2).
    assert many == [
        *('RCN', '30', '2', '5.50 ± 0.71 (4.10 ± 0.14)', '5.60'),
        *('', '', '', '', 'a', '2026-01-02'),
    ]
    assert single[:4] == ['RCN', '5', '1', '7.00 (6.50)']
    assert notes.count('Trained on "mtfl_train" (9,000 faces).') == 1
    assert 'Tested on "aflw5_test" (2,995 faces).' in notes


def test_synthetic_faces_have_no_numbers_of_the_paper() -> None:
    synthetic = TABLE.on_synthetic_faces()
    tests = dict(synthetic=test_set(5.0, 4.0, 1))
    text = table_text(
        synthetic, lambda name: ([run(tests=tests)], 0), lambda _: 5, SETS
    )
    lines = text.split('\n')
    assert lines[0] == ('| row | epochs | seeds | synthetic faces | recipe | date |')
    # The row of 49 keypoints is dropped.
    assert [line.split(' | ')[0] for line in lines[2:4]] == [
        '| RCN',
        '| SumNet',
    ]
    assert ' | 5.00 (4.00) | a | ' in lines[2]
    assert lines[-1].endswith(' Recipe a: `python tools/train.py x`.')


def test_subsets_keypoints_and_whole_sets() -> None:
    errors = {
        'NME_cells_eye_centres_49_challenging': 5.0,
        'NME_pixels_eye_centres_49_challenging': 4.75,
        'NME_cells_eye_centres_49': 3.5,
        'NME_pixels_eye_centres_49': 3.25,
        'NME_cells_eye_centres': 9.0,
    }
    tests = {
        '300w': dict(list='300W', tested=689, date='2026', command='c', errors=errors)
    }
    joint = run(tests=tests, epochs=(30, 20))
    del joint['command']
    line = table(dict(joint=[joint]))[3]
    assert line == [
        *('joint, 49', '30 + 20', '1', '', '', '5.00 (4.75)', '4.81'),
        *('3.50 (3.25)', '3.76', 'a', '2026'),
    ]
    # Fullset needs all faces.
    tests['300w']['tested'] = 359
    assert table(dict(joint=[joint]))[3][7] == 'not run: faces missing'


def test_commands_of_one_recipe_share_a_footnote() -> None:
    test = dict(aflw=test_set(5.0, 4.0, 1))
    rcn, sumnet, short = run(tests=test), run(tests=test), run(tests=test)
    rcn['command'] = 'train.py configs/paper/a.py --recipe configs/_base_/b.py'
    sumnet['command'] = 'train.py configs/c.py --recipe configs/_base_/b.py'
    short.update(command='test.py configs/a.py work_dirs/d.pth', fingerprint='2')
    *_, first, other, _, last, (notes,) = table(dict(rcn=[rcn, short], sumnet=[sumnet]))
    assert [line[-2] for line in (first, other, last)] == ['a', 'b', 'a']
    assert notes.endswith(
        'Recipe a: `train.py CONFIG --recipe configs/_base_/b.py`. '
        'Recipe b: `test.py CONFIG CHECKPOINT`.'
    )
    assert recipe_of('test.py --x model.y=a/b.pth') == 'test.py --x model.y=CHECKPOINT'


def test_models_without_cells_and_missing_tests() -> None:
    regressor = test_set(0, 4.0, 1)
    del regressor['errors']['NME_cells_eye_points']
    assert table(dict(rcn=[run(tests=dict(aflw=regressor))]))[2][3] == '(4.00)'
    half = [run(0, dict(aflw=test_set(5.0, 4.0, 1))), run(1, {'x': regressor})]
    line = table(dict(rcn=half))[2]
    assert line[2:4] == ['2', '5.00 of 1 seeds (4.00)']


def test_outdated_results_do_not_count() -> None:
    cell = table({}, outdated=1)[2][3]
    assert cell == 'not run: the result on record is of another config'


def test_mean_and_spread() -> None:
    assert mean_and_spread([]) == ''
    assert mean_and_spread([5.625]) == '5.62'
    assert mean_and_spread([1, 2, 6]) == '3.00 ± 2.65'  # sqrt(7)


def test_text_between_marks(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'page.md'
    put_between_marks(str(path), 'a', 'first')
    put_between_marks(str(path), 'b', 'second')
    path.write_text(f'# Head\n\n{path.read_text()}\nTail\n')
    put_between_marks(str(path), 'a', 'third')
    assert path.read_text() == (
        '# Head\n\n<!-- begin a -->\n\nthird\n\n<!-- end a -->\n\n'
        '<!-- begin b -->\n\nsecond\n\n<!-- end b -->\n\nTail\n'
    )
    path.write_text('<!-- begin a -->')
    with pytest.raises(ValueError, match='page.md has one of the lines'):
        put_between_marks(str(path), 'a', 'fourth')
    assert path.read_text() == '<!-- begin a -->'
