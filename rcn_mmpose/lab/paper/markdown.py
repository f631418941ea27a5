"""Tables of results in Markdown."""

from __future__ import annotations

import math
import os.path as osp
import re
import statistics
from collections.abc import Callable, Sequence

from ...io.atomic import write_whole
from .tables import Column, Table, TableRow

NOT_RUN = 'not run'
NORMALISERS = {5: 'eye_points', 68: 'eye_centres'}


def table_text(
    table: Table,
    runs_of: Callable[[str], tuple[list[dict], int]],
    keypoints_of: Callable[[str], int],
    test_sets: dict[str, int],
    reasons: dict[str, str] | None = None,
) -> str:
    """Write a table.

    A row has one line per recorded experiment. The seeds of an experiment are
    summarised by mean and sample standard deviation (n - 1). The commands of
    the lines stand below the table, one for each recipe.

    Args:
        table (Table): The table.
        runs_of (Callable): Returns the valid runs of a config, and the number
            of outdated runs.
        keypoints_of (Callable): Returns K of a config.
        test_sets (dict[str, int]): K of each test set.
        reasons (dict[str, str], optional): Why a config was not run.

    Returns:
        str: Markdown, without a heading.
    """
    printed = {name for row in table.rows for name in row.paper}
    heads = ['row', 'epochs', 'seeds']
    for column in table.columns:
        heads += [column.title, 'paper'][: 1 + (column.name in printed)]
    lines = [[*heads, 'recipe', 'date']]
    listed: dict[str, None] = {}  # an ordered set
    recipes: dict[str, str] = {}  # command without names -> its letter
    for row in table.rows:
        points = keypoints_of(row.config)
        runs, outdated = runs_of(row.config)
        reason = (reasons or {}).get(row.config, '')
        if outdated and not reason:
            reason = 'the result on record is of another config'
        for group in _groups(runs) or [[]]:
            numbers = []
            for column in table.columns:
                if test_sets.get(column.test, points) == points:
                    number = _number(row, group, column, points, reason)
                else:
                    number = ''
                numbers.append(number)
                if column.name in printed:
                    value = row.paper.get(column.name)
                    numbers.append('' if value is None else f'{value:.2f}')
            lines.append(_line(row, group, numbers, recipes))
            listed.update(dict.fromkeys(_lists(group)))
    text = [_pipes(line) for line in lines]
    text.insert(1, _pipes(['---'] * len(lines[0])))
    notes = [
        "Errors in percent by the paper's protocol (cells), in brackets by "
        "today's (pixels), divided by the distance of the eyes; with several "
        'seeds mean ± standard deviation.',
        *listed,
    ]
    if table.note:
        notes.append(table.note.strip())
    for recipe, letter in recipes.items():
        notes.append(f'Recipe {letter}: `{recipe}`.')
    return '\n'.join(text) + '\n\n' + ' '.join(notes)


def _groups(runs: list[dict]) -> list[list[dict]]:
    """Group the runs that differ by the seed alone."""
    groups: dict[str, list[dict]] = {}
    for run in runs:
        key = f'{run["fingerprint"]} {run["trained_on"]}'
        groups.setdefault(key, []).append(run)
    return [sorted(group, key=lambda r: r['seed']) for group in groups.values()]


def recipe_of(command: str) -> str:
    """Replace the config and the checkpoints of a command by placeholders.

    Commands that differ by them alone share a recipe. The name of a recipe in
    ``configs/_base_/`` stays.
    """
    command = re.sub(r'[^\s=]+\.pth\b', 'CHECKPOINT', command)
    return re.sub(r'\bconfigs/(?!_base_/)\S+\.py\b', 'CONFIG', command)


def _line(
    row: TableRow, runs: list[dict], numbers: list[str], recipes: dict[str, str]
) -> list[str]:
    """Write the cells of a line; a new recipe gets the next letter."""
    if not runs:
        return [row.name, '', '', *numbers, '', '']
    tests = [test for run in runs for test in run['tests'].values()]
    recipe = recipe_of(runs[0].get('command') or tests[0]['command'])
    letter = recipes.setdefault(recipe, chr(ord('a') + len(recipes)))
    return [
        row.name,
        ' + '.join(map(str, runs[0]['epochs'])),
        str(len(runs)),
        *numbers,
        letter,
        max(test['date'] for test in tests),
    ]


def _number(
    row: TableRow, runs: list[dict], column: Column, keypoints: int, reason: str
) -> str:
    """Write the error of a row in a column by both protocols."""
    not_run = f'{NOT_RUN}: {reason}' if reason else NOT_RUN
    tests = [run['tests'].get(column.test) for run in runs]
    tests = [test for test in tests if test]
    if not tests:
        return not_run
    end = ''.join(f'_{part}' for part in (row.keypoints, column.subset) if part)
    texts = []
    for protocol in ('cells', 'pixels'):
        name = f'NME_{protocol}_{NORMALISERS[keypoints]}{end}'
        errors = [
            test['errors'][name]
            for test in tests
            if name in test['errors']
            and (column.count or test['tested']) == test['tested']
        ]
        texts.append(mean_and_spread(errors))
    if not any(texts):
        return f'{NOT_RUN}: faces missing'
    cells, pixels = texts
    if not cells:  # a model without score maps
        return f'({pixels})'
    if len(tests) < len(runs):
        cells += f' of {len(tests)} seeds'
    return f'{cells} ({pixels})'


def mean_and_spread(values: Sequence[float]) -> str:
    """Write the mean, and for two or more values the standard deviation.

    Returns:
        str: Such as ``'5.60 ± 0.04'``; empty without values.
    """
    if not values:
        return ''
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return f'{mean:.2f}'
    return f'{mean:.2f} ± {statistics.stdev(values):.2f}'


def _lists(runs: list[dict]) -> list[str]:
    """Return sentences that name the training and test faces of runs."""
    said = []
    for run in runs:
        for faces in run['trained_on']:
            said.append(f'Trained on {_faces(faces["list"], faces["faces"])}.')
        for test in run['tests'].values():
            said.append(f'Tested on {_faces(test["list"], test["tested"])}.')
    return said


def _faces(name: str, count: int) -> str:
    return f'"{name}" ({count:,} faces)'


def _pipes(cells: list[str]) -> str:
    escaped = [cell.replace('|', r'\|') for cell in cells]
    return f'| {" | ".join(escaped)} |'


def put_between_marks(path: str, name: str, text: str) -> None:
    """Write a text between its two marks in a Markdown file.

    The text replaces its previous version. A mark is an HTML comment with the
    name of the text. Without marks, the text is appended with its marks.

    Args:
        path (str): Path of the file; created if missing.
        name (str): Name of the text.
        text (str): Markdown.

    Raises:
        ValueError: If the file has only one of the two marks.
    """
    begin, end = f'<!-- begin {name} -->', f'<!-- end {name} -->'
    page = ''
    if osp.isfile(path):
        with open(path, encoding='utf-8') as file:
            page = file.read()
    if (begin in page) != (end in page):
        raise ValueError(
            f'{path} has one of the lines {begin!r} and {end!r} without the '
            'other; write it again, or delete this one.'
        )
    block = f'{begin}\n\n{text}\n\n{end}'
    if begin in page:
        head, _, rest = page.partition(begin)
        page = head + block + rest.partition(end)[2]
    else:
        page = (f'{page.rstrip()}\n\n' if page.strip() else '') + f'{block}\n'
    write_whole(path, page.encode())
