"""Numbers of the report on a tested model.

:mod:`rcn_mmpose.lab.report.markdown_report` formats the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...evaluation.ced import area_under_curve, failure_rate, mean_error
from ...evaluation.error_table import ErrorTable
from ...evaluation.faces import fields_of
from ...evaluation.measures import MeasurePlan
from .annotated_faces import AnnotatedFaces
from .box_errors import BoxError
from .face_groups import group_faces
from .markdown_report import label
from .model_test import ModelTest, Predictions

LIMITS = (8, 10)
PASSES = ('first pass', 'second pass', 'both joined')


class ModelReport:
    """All numbers of the report on a tested model.

    Args:
        faces (AnnotatedFaces): N faces.
        tested (ModelTest): Predictions of these faces.
        errors (Sequence[BoxError]): Errors of the wrong boxes.
        size (tuple): Width and height of the crops.

    Attributes:
        main: The main normaliser.
        passes: 1; or 3 for the first pass, the second pass and both joined.
        tables: Errors with true boxes, one table per pass.
        curves: Errors of all faces by label, in percent, by the main normaliser
            in pixels. The error of a missed face is infinite.
        content: All numbers, ready for JSON. Lists have one entry per pass.
    """

    def __init__(
        self,
        faces: AnnotatedFaces,
        tested: ModelTest,
        errors: Sequence[BoxError],
        size: tuple[int, int],
    ) -> None:
        self.faces = faces
        self.plan = MeasurePlan(faces.metainfo, detailed=True)
        self.brief = MeasurePlan(faces.metainfo)
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
            faces_tested=len(faces.faces),
            passes=PASSES[: self.passes],
            normalisers=list(self.plan.normalisers),
            keypoint_sets=list(
                faces.metainfo.get('keypoint_regions') or self.plan.parts
            ),
            true_boxes=[
                {m.name: value for m, value in table.values.items()}
                for table in self.tables
            ],
            constant_shift=[self._shift(table) for table in self.tables],
        )
        if tested.detected is not None:
            self.content['detector'] = self._detected(tested)
        if errors:
            self.content['wrong_boxes'] = self._wrong(tested, errors)
        self.content['groups'] = self._groups()

    def _label(self, boxes: str, number: int) -> str:
        """Label the predictions of a pass."""
        return label(boxes, PASSES[: self.passes], number)

    def _table(self, found: Predictions, number: int, plan: MeasurePlan) -> ErrorTable:
        """Measure the errors of a pass."""
        fields = fields_of(plan.subsets.values())
        return ErrorTable(found.results(self.faces, number, self.size, fields), plan)

    def _shift(self, table: ErrorTable) -> dict[str, float]:
        """Measure the constant shift between truths and predictions.

        A constant shift is a bias of the labels, which a network trained on
        other labels cannot know. Returned are the median shift to the right and
        down, in percent of the main normaliser, and the NME without the shift.
        """
        off = np.array([face.truth - face.pred for face in table.faces])
        visible = np.array([face.visible for face in table.faces])
        length = table.lengths('pixels', self.main)
        off = 100 * off / length[:, None, None]
        visible &= ~np.isnan(length)[:, None]
        right, below = np.median(off[visible], axis=0).tolist()
        rest = np.linalg.norm(off - (right, below), axis=-1)
        counts = visible.any(1)
        left = (rest * visible)[counts].sum(1) / visible[counts].sum(1)
        return dict(right=right, below=below, NME_without=float(left.mean()))

    def _detected(self, tested: ModelTest) -> dict[str, Any]:
        """Summarise the predictions with detected boxes."""
        detected = tested.detected
        if detected is None:
            raise ValueError('the test had no detector.')
        total, rows = len(self.faces.faces), detected.rows
        missed = total - len(rows)
        summary: dict[str, Any] = dict(
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
                table = self._table(detected, i, self.brief)
                errors = table.errors('pixels', self.main)
                entry['found_faces'] = {m.name: v for m, v in table.values.items()}
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

    def _wrong(self, tested: ModelTest, errors: Sequence[BoxError]) -> dict[str, Any]:
        """Summarise the predictions with wrong boxes."""
        lines = []
        for error in errors:
            found = tested.wrong[error.kind, error.amount]
            line: dict[str, Any] = dict(
                kind=error.kind, amount=error.amount, NME=[], FR10=[]
            )
            for i in range(self.passes):
                table = self._table(found, i, self.brief)
                values = table.errors('pixels', self.main)
                line['NME'].append(_sum_up(values, mean_error))
                line['FR10'].append(_sum_up(values, _failures))
            lines.append(line)
        count = len(set(tested.wrong[errors[0].kind, errors[0].amount].rows))
        return dict(faces=count, lines=lines)

    def _groups(self) -> list[dict[str, Any]]:
        """Summarise groups of faces, and hidden keypoints."""
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
        """Compare visible with hidden keypoints, if there are both."""
        hidden = np.array([self.faces.hidden(i) for i in range(len(self.faces.faces))])
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
                ('visible', visible & ~hidden),
                ('hidden', visible & hidden),
            )
        ]


def _sum_up(
    errors: np.ndarray, measure: Callable[[list[float]], float]
) -> float | None:
    """Measure the errors that are not NaN; None if there are none."""
    there = errors[~np.isnan(errors)].tolist()
    return measure(there) if there else None


def _failures(errors: list[float]) -> float:
    """Return the failure rate at 10 %."""
    return failure_rate(errors, 10)
