"""The numbers of a tested model; :mod:`.report_text` writes them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...evaluation.ced import area_under_curve, failure_rate, mean_error
from ...evaluation.error_table import ErrorTable
from ...evaluation.faces import fields_of
from ...evaluation.measures import Plan
from .annotated_faces import AnnotatedFaces
from .box_errors import BoxError
from .face_groups import group_faces
from .report_text import label
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
        content: All numbers, ready for json. Lists go by pass.
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
        """Name what was predicted."""
        return label(boxes, PASSES[: self.passes], number)

    def _table(self, found: Predicted, number: int, plan: Plan) -> ErrorTable:
        """Measure the errors of a pass."""
        fields = fields_of(plan.subsets.values())
        return ErrorTable(found.results(self.faces, number, self.size, fields), plan)

    def _shift(self, table: ErrorTable) -> dict[str, float]:
        """Find by how much all truths lie off all predictions alike.

        That is a habit of labels, which no network can know that was trained
        on others: how far truths lie to the right and below, medians in
        percent of the main normaliser, and what error would be left.
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

    def _wrong(self, tested: Tested, errors: Sequence[BoxError]) -> dict[str, Any]:
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
                ('in sight', visible & ~hidden),
                ('hidden', visible & hidden),
            )
        ]


def _sum_up(
    errors: np.ndarray, measure: Callable[[list[float]], float]
) -> float | None:
    """Measure the errors there are; None if there is none."""
    there = errors[~np.isnan(errors)].tolist()
    return measure(there) if there else None


def _failures(errors: list[float]) -> float:
    """Count errors above 10 %."""
    return failure_rate(errors, 10)
