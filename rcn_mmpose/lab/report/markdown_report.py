"""Format the report on a model as Markdown, from the numbers in ``report.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PROTOCOLS = ('cells', 'pixels')
UNITS = dict(shift=' %', scale=' %', rotation=' degrees')


def markdown(content: dict[str, Any]) -> str:
    """Format the tables of a report.

    Args:
        content (dict): Content of a
            :class:`~rcn_mmpose.lab.report.model_report.ModelReport`, or of the
            ``report.json`` of ``tools/analysis_tools/model_report.py``.
    """
    parts = [_overview(content)]
    if 'wrong_boxes' in content:
        parts.append(_wrong_boxes(content))
    parts.append(_keypoints(content))
    if content['groups']:
        parts.append(_groups(content))
    return '\n\n'.join(parts) + '\n'


def label(name: str, passes: Sequence[str], number: int) -> str:
    """Add the name of the pass to a label if there are several passes."""
    return name if len(passes) == 1 else f'{name}, {passes[number]}'


def _heads(content: dict[str, Any], *values: str) -> list[str]:
    """Return the column titles of values, one per pass."""
    passes = content['passes']
    return [label(v, passes, i) for v in values for i in range(len(passes))]


def _overview(content: dict[str, Any]) -> str:
    """Format the errors with true and with detected boxes."""
    passes, normalisers = content['passes'], content['normalisers']
    errors = [f'NME_{p}_{n}' for n in normalisers for p in PROTOCOLS]
    end = f'10_pixels_{normalisers[0]}'
    head = ['boxes', 'faces']
    head += [f'NME {p}, {n}' for n in normalisers for p in PROTOCOLS]
    head += ['AUC10', 'FR10']
    lines = []
    for i, values in enumerate(content['true_boxes']):
        lines.append(
            [
                label('true', passes, i),
                f'{content["faces_tested"]:,}',
                *(values.get(name) for name in errors),
                values.get(f'AUC{end}'),
                values.get(f'FR{end}'),
            ]
        )
    notes = (
        f'Errors in percent; AUC10 and FR10 (pixels, {normalisers[0]}) cover all faces.'
    )
    found: dict[str, Any] = content.get('detector') or {}
    for i, entry in enumerate(found.get('passes', ())):
        values = entry.get('found_faces', {})
        lines.append(
            [
                label('detected', passes, i),
                f'{found["found"]:,} found, {found["missed"]:,} missed',
                *(values.get(name) for name in errors),
                entry['all_faces'][f'AUC{end}'],
                entry['all_faces'][f'FR{end}'],
            ]
        )
    if found:
        same = [
            f'{entry["found_faces_true_boxes"]:.2f}'
            for entry in found['passes']
            if 'found_faces_true_boxes' in entry
        ]
        notes += (
            ' With detected boxes, NME covers the detected faces (with true '
            f'boxes these faces have {", ".join(same) or "none"}), and a '
            'missed face counts as a failure. '
            f'{found["boxes_of_no_face"]:,} boxes match no annotated face.'
        )
    for i, shift in enumerate(content['constant_shift']):
        notes += (
            f' {label("True boxes", passes, i)}: the truths lie '
            f'{shift["right"]:+.2f} to the right of and {shift["below"]:+.2f} '
            f'below the predictions (medians); without this shift NME is '
            f'{shift["NME_without"]:.2f}.'
        )
    return f'{table(head, lines)}\n\n{notes}'


def _wrong_boxes(content: dict[str, Any]) -> str:
    """Format the errors with wrong boxes."""
    wrong = content['wrong_boxes']
    lines = []
    for line in wrong['lines']:
        kind, name = line['kind'], 'true boxes'
        if kind != 'none':
            sign = '+' if kind == 'scale' else ''
            name = f'{kind} {line["amount"]:{sign}g}{UNITS[kind]}'
        lines.append([name, *line['NME'], *line['FR10']])
    text = table(['boxes', *_heads(content, 'NME', 'FR10')], lines)
    return (
        f'{text}\n\n{wrong["faces"]:,} faces, pixels, '
        f'{content["normalisers"][0]}. A shift (percent of the side of the '
        'box) is the mean over eight directions, a rotation over two.'
    )


def _keypoints(content: dict[str, Any]) -> str:
    """Format the errors of regions, or of keypoints if there are no regions."""
    main = content['normalisers'][0]
    lines = [
        [
            name,
            *(
                values.get(f'NME_pixels_{main}_{name}')
                for values in content['true_boxes']
            ),
        ]
        for name in content['keypoint_sets']
    ]
    return table(['keypoints', *_heads(content, 'NME')], lines)


def _groups(content: dict[str, Any]) -> str:
    """Format the errors of groups."""
    lines = []
    for line in content['groups']:
        count = line.get('faces', line.get('keypoints'))
        none = [None] * len(content['passes'])
        lines.append(
            [
                line['criterion'],
                line['group'],
                f'{count:,}',
                *line['NME'],
                *line.get('FR10', none),
            ]
        )
    head = ['by', 'group', 'number', *_heads(content, 'NME', 'FR10')]
    return table(head, lines)


def table(head: Sequence[str], lines: Sequence[Sequence[str | float | None]]) -> str:
    """Format a table in Markdown.

    Args:
        head (Sequence[str]): Titles of the columns.
        lines (Sequence[Sequence]): Cells: text; numbers, formatted with two
            decimals; None for an empty cell.
    """
    rows = [list(head), ['---'] * len(head)]
    rows += [[_cell(cell) for cell in line] for line in lines]
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _cell(cell: str | float | None) -> str:
    """Format a cell."""
    if cell is None:
        return ''
    if isinstance(cell, str):
        return cell.replace('|', r'\|')
    return f'{cell:.2f}'
