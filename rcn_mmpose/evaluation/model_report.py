"""The numbers of a tested model, for machines and for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .annotated_faces import AnnotatedFaces
from .box_errors import BoxError
from .ced import area_under_curve, failure_rate, mean_error
from .error_table import ErrorTable
from .face_groups import group_faces
from .face_subsets import fields_of
from .measures import Plan
from .tested_model import Predicted, Tested

LIMITS = (8, 10)
PASSES = ('first pass', 'second pass', 'both joined')


class ModelReport:
    """What a test is summed up to.

    Args:
        faces (AnnotatedFaces): N faces.
        tested (Tested): What was predicted of them.
        errors (Sequence[BoxError]): The ways in which boxes were off.
        size (tuple): Width and height of the crops.

    Attributes:
        main: The main normaliser.
        passes: 1; or 3 for the first, the second and both joined.
        tables: Errors with the true boxes, of each of these.
        curves: Errors of all faces by the main normaliser in pixels, in
            percent, by label; a face that was missed has an infinite one.
        content: All numbers, ready for json.
    """

    def __init__(
        self,
        faces: AnnotatedFaces,
        tested: Tested,
        errors: Sequence[BoxError],
        size: tuple[int, int],
    ) -> None:
        self.faces = faces
        self.plan = Plan(faces.metainfo, detailed=True)
        self.brief = Plan(faces.metainfo)
        self.main = next(iter(self.plan.normalisers))
        self.passes = len(tested.true.keypoints)
        self.size = size
        self.tables = [
            self._table(tested.true, i, self.plan) for i in range(self.passes)
        ]
        self.curves = {
            self._label('true boxes', i): table.errors('pixels', self.main)
            for i, table in enumerate(self.tables)
        }
        self.content: dict[str, Any] = dict(
            main_normaliser=self.main,
            true_boxes=[
                {m.name: value for m, value in table.values.items()}
                for table in self.tables
            ],
        )
        if tested.detected is not None:
            self.content['detector'] = self._detected(tested)
        if errors:
            self.content['wrong_boxes'] = self._wrong(tested, errors)
        self.content['groups'] = self._groups()

    def _label(self, boxes: str, number: int) -> str:
        """Name what was predicted."""
        return boxes if self.passes == 1 else f'{boxes}, {PASSES[number]}'

    def _table(self, found: Predicted, number: int, plan: Plan) -> ErrorTable:
        """Measure the errors of a pass."""
        fields = fields_of(plan.subsets.values())
        return ErrorTable(
            found.results(self.faces, number, self.size, fields), plan
        )

    def _detected(self, tested: Tested) -> dict[str, Any]:
        """Sum up what was found with a detector's boxes."""
        total, rows = len(self.faces.faces), tested.detected.rows
        missed = total - len(rows)
        summary = dict(
            faces=total,
            found=len(rows),
            missed=missed,
            boxes_of_no_face=tested.others,
            passes=[],
        )
        for i in range(self.passes):
            errors = np.zeros(0)
            entry: dict[str, Any] = {}
            if rows:
                table = self._table(tested.detected, i, self.brief)
                errors = table.errors('pixels', self.main)
                entry['found_faces'] = {
                    m.name: v for m, v in table.values.items()
                }
                same = self.tables[i].errors('pixels', self.main)[rows]
                entry['found_faces_true_boxes'] = _sum_up(same, mean_error)
            whole = np.append(errors, np.full(missed, np.inf))
            entry['all_faces'] = {
                f'{name}{limit}_pixels_{self.main}': measure(whole, limit)
                for limit in LIMITS
                for name, measure in (
                    ('AUC', area_under_curve),
                    ('FR', failure_rate),
                )
            }
            summary['passes'].append(entry)
            self.curves[self._label('detected boxes', i)] = whole
        return summary

    def _wrong(
        self, tested: Tested, errors: Sequence[BoxError]
    ) -> dict[str, Any]:
        """Sum up what was found with boxes that are off."""
        lines = []
        for error in errors:
            found = tested.wrong[error.kind, error.amount]
            line = dict(kind=error.kind, amount=error.amount, NME=[], FR10=[])
            for i in range(self.passes):
                table = self._table(found, i, self.brief)
                values = table.errors('pixels', self.main)
                line['NME'].append(_sum_up(values, mean_error))
                line['FR10'].append(_sum_up(values, _failures))
            lines.append(line)
        count = len(set(tested.wrong[errors[0].kind, errors[0].amount].rows))
        return dict(faces=count, lines=lines)

    def _groups(self) -> list[dict[str, Any]]:
        """Sum up groups of faces, and hidden keypoints."""
        eyes = self.plan.normalisers.get(self.main)
        names = list(self.faces.metainfo['keypoint_id2name'].values())
        grouped = group_faces(self.faces.faces, names, eyes)
        columns = [t.errors('pixels', self.main) for t in self.tables]
        lines = []
        for criterion, parts in grouped.items():
            for name, rows in parts.items():
                lines.append(
                    dict(
                        criterion=criterion,
                        group=name,
                        faces=int(rows.sum()),
                        NME=[_sum_up(c[rows], mean_error) for c in columns],
                        FR10=[_sum_up(c[rows], _failures) for c in columns],
                    )
                )
        return lines + self._hidden()

    def _hidden(self) -> list[dict[str, Any]]:
        """Compare keypoints in sight with hidden ones, where both are."""
        hidden = np.array(
            [self.faces.hidden(i) for i in range(len(self.faces.faces))]
        )
        if not hidden.any() or hidden.all():
            return []
        visible = np.array([f.visible for f in self.tables[0].faces])
        columns = []
        for table in self.tables:
            off = np.array([f.pred - f.truth for f in table.faces])
            length = table.lengths('pixels', self.main)[:, None]
            columns.append(100 * np.linalg.norm(off, axis=-1) / length)
        return [
            dict(
                criterion='each keypoint',
                group=name,
                keypoints=int(rows.sum()),
                NME=[float(column[rows].mean()) for column in columns],
            )
            for name, rows in (
                ('in sight', visible & ~hidden),
                ('hidden', visible & hidden),
            )
        ]

    # ------------------------------------------------------------ Markdown

    def markdown(self) -> str:
        """Write tables."""
        parts = [self._overview(), self._keypoints()]
        if 'wrong_boxes' in self.content:
            parts.insert(1, self._wrong_text())
        if self.content['groups']:
            parts.append(self._groups_text())
        return '\n\n'.join(parts) + '\n'

    def _overview(self) -> str:
        """Write what errors there are with which boxes."""
        head = ['boxes', 'faces']
        head += [
            f'NME {protocol}, {normaliser}'
            for normaliser in self.plan.normalisers
            for protocol in ('cells', 'pixels')
        ]
        head += ['AUC10', 'FR10']
        lines = []
        for i, values in enumerate(self.content['true_boxes']):
            end = f'10_pixels_{self.main}'
            lines.append(
                [
                    self._label('true', i),
                    f'{len(self.faces.faces):,}',
                    *self._errors_of(values),
                    values.get(f'AUC{end}'),
                    values.get(f'FR{end}'),
                ]
            )
        notes = [
            'Errors in percent; AUC10 and FR10 (pixels, '
            f'{self.main}) are of all faces.'
        ]
        found = self.content.get('detector')
        if found:
            for i, entry in enumerate(found['passes']):
                values = entry.get('found_faces', {})
                whole = entry['all_faces']
                lines.append(
                    [
                        self._label('detected', i),
                        f'{found["found"]:,} found, {found["missed"]:,} '
                        'missed',
                        *self._errors_of(values),
                        whole[f'AUC{end}'],
                        whole[f'FR{end}'],
                    ]
                )
            same = [
                f'{entry["found_faces_true_boxes"]:.2f}'
                for entry in found['passes']
                if 'found_faces_true_boxes' in entry
            ]
            notes.append(
                'With detected boxes NME is that of the faces found (with '
                f'true boxes these have {" and ".join(same) or "none"}), and '
                'a missed face counts as a failure. '
                f'{found["boxes_of_no_face"]:,} boxes belong to no annotated '
                'face.'
            )
        return f'{table(head, lines)}\n\n{" ".join(notes)}'

    def _errors_of(self, values: dict[str, float]) -> list[float | None]:
        """Choose the errors of a line."""
        return [
            values.get(f'NME_{protocol}_{normaliser}')
            for normaliser in self.plan.normalisers
            for protocol in ('cells', 'pixels')
        ]

    def _heads(self, *values: str) -> list[str]:
        """Name values, by pass."""
        return [self._label(v, i) for v in values for i in range(self.passes)]

    def _wrong_text(self) -> str:
        """Write the errors with boxes that are off."""
        wrong = self.content['wrong_boxes']
        units = dict(shift=' %', scale=' %', rotation=' degrees')
        lines = []
        for line in wrong['lines']:
            name = 'true boxes'
            if line['kind'] != 'none':
                sign = '+' if line['kind'] == 'scale' else ''
                amount = f'{line["amount"]:{sign}g}{units[line["kind"]]}'
                name = f'{line["kind"]} {amount}'
            lines.append([name, *line['NME'], *line['FR10']])
        text = table(['boxes', *self._heads('NME', 'FR10')], lines)
        return (
            f'{text}\n\n{wrong["faces"]:,} faces, pixels, {self.main}. A '
            "shift, in parts of the box's side, is the mean over eight "
            'directions, a rotation over both.'
        )

    def _keypoints(self) -> str:
        """Write the errors of regions, or of keypoints if they are few."""
        regions = self.faces.metainfo.get('keypoint_regions') or {}
        names = regions or self.plan.parts
        lines = []
        for name in names:
            key = f'NME_pixels_{self.main}_{name}'
            values = [v.get(key) for v in self.content['true_boxes']]
            lines.append([name, *values])
        return table(['keypoints', *self._heads('NME')], lines)

    def _groups_text(self) -> str:
        """Write the errors of groups."""
        lines = [
            [
                line['criterion'],
                line['group'],
                f'{line.get("faces", line.get("keypoints")):,}',
                *line['NME'],
                *line.get('FR10', [None] * self.passes),
            ]
            for line in self.content['groups']
        ]
        head = ['by', 'group', 'faces', *self._heads('NME', 'FR10')]
        return table(head, lines)


def _sum_up(
    errors: np.ndarray, measure: Callable[[list[float]], float]
) -> float | None:
    """Measure the errors there are; None if there is none."""
    there = errors[~np.isnan(errors)].tolist()
    return measure(there) if there else None


def _failures(errors: list[float]) -> float:
    """Count errors above 10 %."""
    return failure_rate(errors, 10)


def table(
    head: Sequence[str], lines: Sequence[Sequence[str | float | None]]
) -> str:
    """Write a table in Markdown.

    Args:
        head (Sequence[str]): Titles of the columns.
        lines (Sequence[Sequence]): Texts; numbers, to be written with two
            digits; None for an empty cell.
    """
    rows = [list(head), ['---'] * len(head)]
    for line in lines:
        rows.append(
            [
                ''
                if cell is None
                else cell.replace('|', r'\|')
                if isinstance(cell, str)
                else f'{cell:.2f}'
                for cell in line
            ]
        )
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)
