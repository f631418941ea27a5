"""Errors of all faces by protocol, normaliser and set of keypoints, and a table."""

from __future__ import annotations

import functools
import logging
import math
import sys
from collections.abc import Callable, Sequence

import numpy as np

from .faces import FaceResult, find_members
from .measures import PROTOCOLS, Measure, MeasurePlan


class ErrorTable:
    """Errors of tested faces.

    Args:
        faces (Sequence[FaceResult]): N faces, without duplicates.
        plan (MeasurePlan): The values to compute.
        log (Callable, optional): Takes a message and its level of
            :mod:`logging`. By default messages go to stderr.

    Raises:
        ValueError: If a face has no labelled keypoint, a wrong number of
            keypoints, a position that is not finite, or a normaliser of
            length 0; or if a required subset matches no face.
    """

    def __init__(
        self,
        faces: Sequence[FaceResult],
        plan: MeasurePlan,
        log: Callable[[str, int], None] | None = None,
    ) -> None:
        if not faces:
            raise ValueError('there is no tested face to measure.')
        self.faces = faces
        self.plan = plan
        self._log = log or to_stderr
        self.protocols: tuple[str, ...] = ('pixels',)
        if all(face.cells is not None for face in faces):
            self.protocols = PROTOCOLS
        for face in faces:
            _check(face, len(plan.keypoints['']))
        self.subsets = find_subsets(faces, plan, self._log)
        self._lengths: dict[tuple[str, str], list[float]] = {}
        for name, groups in plan.normalisers.items():
            lengths = [_length(face, name, groups) for face in faces]
            without = [
                face.img_path
                for face, length in zip(faces, lengths, strict=True)
                if math.isnan(length)
            ]
            if without:
                self._log(
                    f'{len(without)} of {len(faces)} faces have no {name}, because '
                    f'their labelled keypoints lie on one line (such as in '
                    f'{without[0]!r}): the values by {name} leave these faces '
                    'out.',
                    logging.WARNING,
                )
            self._lengths['pixels', name] = lengths
            self._lengths['cells', name] = [
                # in pixels of the crop, without rounding
                length * float(face.size[0] / face.scale[0])
                for length, face in zip(lengths, faces, strict=True)
            ]
        self._distances = {
            protocol: [_distances(face, protocol) for face in faces]
            for protocol in self.protocols
        }
        self._errors: dict[tuple, np.ndarray] = {}

    def errors(self, protocol: str, normaliser: str, keypoints: str = '') -> np.ndarray:
        """Compute the error of each face.

        The error is the mean distance of the labelled keypoints to the truth,
        divided by the normaliser (paper, eq. 4).

        Args:
            protocol (str): ``'pixels'`` or ``'cells'``.
            normaliser (str): Name of the normaliser.
            keypoints (str): Name of a set of keypoints; empty for all.

        Returns:
            np.ndarray: In percent, (N,); NaN for a face without a labelled
            keypoint in the set, or without a length of the normaliser.
        """
        key = (protocol, normaliser, keypoints)
        if key not in self._errors:
            self._errors[key] = np.array(
                [
                    100 * self._mean_distance(i, protocol, keypoints) / length
                    for i, length in enumerate(self._lengths[protocol, normaliser])
                ]
            )
        return self._errors[key]

    def lengths(self, protocol: str, normaliser: str) -> np.ndarray:
        """Return the length of the normaliser for each face.

        Args:
            protocol (str): ``'pixels'`` or ``'cells'``.
            normaliser (str): Name of the normaliser.

        Returns:
            np.ndarray: In pixels of the image, or in cells, (N,); NaN for a
            face without this length.
        """
        return np.array(self._lengths[protocol, normaliser])

    def errors_of(self, measure: Measure) -> np.ndarray:
        """Return the errors of the faces that a value covers.

        Args:
            measure (Measure): The value.

        Returns:
            np.ndarray: In percent; empty if the subset or the protocol is
            missing.
        """
        if measure.protocol not in self.protocols or measure.faces not in self.subsets:
            return np.zeros(0)
        errors = self.errors(measure.protocol, measure.normaliser, measure.keypoints)[
            self.subsets[measure.faces]
        ]
        return errors[~np.isnan(errors)]

    @functools.cached_property
    def values(self) -> dict[Measure, float]:
        """All values in percent, without the values that cover no face."""
        errors = {m: self.errors_of(m).tolist() for m in self.plan.measures}
        return {m: m.compute(e) for m, e in errors.items() if e}

    def columns(self) -> dict[str, np.ndarray]:
        """Compute the errors of each face, (N,), under the name of their NME."""
        return {
            measure.name: self.errors(
                measure.protocol, measure.normaliser, measure.keypoints
            )
            for measure in self._mean_errors()
        }

    def columns_of(self) -> list[str]:
        """Return the set of keypoints of each column."""
        return [measure.keypoints for measure in self._mean_errors()]

    def _mean_errors(self) -> list[Measure]:
        """List the mean errors of all faces, one for each column."""
        return list(
            dict.fromkeys(
                measure._replace(value='NME', faces='')
                for measure in self.plan.measures
                if measure.protocol in self.protocols
            )
        )

    def table(self, each_keypoint: bool = False) -> str:
        """Format the values as a table to read, in percent.

        A row has the name of a set of faces, of a set of keypoints, of a
        normaliser and of a protocol, then one column per value. A name that
        equals the name in the row above is left blank. All faces with all
        keypoints are listed by every normaliser. Subsets, keypoint groups and
        regions are listed by the main normaliser only; ``values`` and the
        error files hold the other numbers.

        Args:
            each_keypoint (bool): Add rows for every single keypoint. Defaults
                to False.

        Returns:
            str: Lines without a newline at the end.
        """
        titles = ('faces', 'keypoints', 'normaliser', 'protocol')
        names = self.plan.values
        rows = []
        for row in self._table_rows(each_keypoint):
            values = self._row_values(*row)
            if any(value is not None for value in values):
                labels = tuple(label or 'all' for label in row)
                cells = ['' if v is None else f'{v:.2f}' for v in values]
                rows.append((labels, cells))
        columns = zip(titles, *(labels for labels, _ in rows), strict=True)
        widths = [max(map(len, column)) + 2 for column in columns]
        width = max(8, *(len(name) + 2 for name in names))

        def line(labels: Sequence[str], cells: Sequence[str]) -> str:
            left = ''.join(f'{x:{w}}' for x, w in zip(labels, widths, strict=True))
            return (left + ''.join(f'{cell:>{width}}' for cell in cells)).rstrip()

        lines = [line(titles, names)]
        above: tuple[str, ...] = ('',) * len(titles)
        for labels, cells in rows:
            # the protocol is always shown
            same = next((i for i in range(3) if labels[i] != above[i]), 3)
            lines.append(line(('',) * same + labels[same:], cells))
            above = labels
        return '\n'.join(lines)

    def _table_rows(self, each_keypoint: bool) -> list[tuple[str, str, str, str]]:
        """List faces, keypoints, normaliser and protocol of each table row."""
        plan = self.plan
        main = next(iter(plan.normalisers))
        sets = [(faces, kpts) for faces in ('', *plan.subsets) for kpts in plan.groups]
        sets += [('', region) for region in plan.regions]
        if each_keypoint:
            sets += [('', keypoint) for keypoint in plan.single_keypoints]
        return [
            (faces, keypoints, normaliser, protocol)
            for faces, keypoints in sets
            for normaliser in (
                plan.normalisers if not (faces or keypoints) else (main,)
            )
            for protocol in self.protocols
        ]

    def _row_values(
        self, faces: str, keypoints: str, normaliser: str, protocol: str
    ) -> list[float | None]:
        """Return the values of a table row; None if a value is missing."""
        return [
            self.values.get(Measure(value, protocol, normaliser, keypoints, faces))
            for value in self.plan.values
        ]

    def _mean_distance(self, i: int, protocol: str, keypoints: str) -> float:
        """Average over the labelled keypoints of face i; NaN if it has none."""
        distances = self._distances[protocol][i]
        labelled = self.faces[i].visible
        chosen = [
            float(distances[k]) for k in self.plan.keypoints[keypoints] if labelled[k]
        ]
        return math.fsum(chosen) / len(chosen) if chosen else math.nan


def find_subsets(
    faces: Sequence[FaceResult],
    plan: MeasurePlan,
    log: Callable[[str, int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Find the faces of each subset, bool (N,); ``''`` holds all faces.

    Args:
        faces (Sequence[FaceResult]): N faces.
        plan (MeasurePlan): The plan with the rules of the subsets.
        log (Callable, optional): Takes a message on subsets that are left out,
            and its level. By default there is no message.

    Raises:
        ValueError: If a required subset matches no face.
    """
    subsets = {'': np.ones(len(faces), bool)}
    left = []
    for name, rule in plan.subsets.items():
        try:
            subsets[name] = find_members(name, rule, faces)
        except ValueError:
            if name in plan.required:
                raise
            left.append(name)
    if left and log:
        log(
            'subsets left out, because the list of faces does not hold all '
            f'of their faces: {", ".join(left)}',
            logging.INFO,
        )
    return subsets


def to_stderr(text: str, level: int) -> None:
    """Print a message to stderr, whatever its level."""
    print(text, file=sys.stderr)


def _check(face: FaceResult, count: int) -> None:
    """Raise an error for a face that cannot be measured."""
    if not len(face.truth) == len(face.pred) == count:
        raise ValueError(
            f'face in {face.img_path!r}: {len(face.truth)} true and '
            f'{len(face.pred)} predicted keypoints, but the dataset has '
            f'{count}; the head must have as many channels.'
        )
    if not face.visible.any():
        raise ValueError(f'face in {face.img_path!r}: nothing is visible.')
    if not np.isfinite(face.pred).all():
        raise ValueError(
            f'face in {face.img_path!r}: its predicted keypoints are not '
            'finite; the weights of the network may not be either.'
        )
    if not np.isfinite(face.truth[face.visible]).all():
        raise ValueError(
            f'face in {face.img_path!r}: its true keypoints are not finite; '
            'correct it, or mark them with visibility 0.'
        )


def _length(face: FaceResult, name: str, groups: tuple | None) -> float:
    """Measure the length of a normaliser, in pixels of the image.

    The length of ``'box'`` is NaN if the labelled keypoints span no area.
    """
    if groups is None:
        width, height = np.ptp(face.truth[face.visible], 0)
        return math.sqrt(width * height) or math.nan
    cure = f'correct or remove it, or choose normalisers other than {name!r}'
    for index in (i for group in groups for i in group):
        # some datasets give the position of unlabelled keypoints; COCO has 0, 0
        if not (face.visible[index] or face.truth[index].any()):
            raise ValueError(
                f'face in {face.img_path!r}: keypoint {index}, needed for '
                f'{name!r}, is not labelled; {cure}.'
            )
    left, right = (face.truth[list(group)].mean(0) for group in groups)
    length = math.dist(left, right)
    if not length > 0:
        raise ValueError(
            f'face in {face.img_path!r}: both ends of {name!r} lie at '
            f'{left.tolist()}; {cure}.'
        )
    return length


def _distances(face: FaceResult, protocol: str) -> np.ndarray:
    """Compute the distance from each prediction to the truth, (K,).

    The unit is pixels or cells. The truth is not clipped to the crop or image.
    """
    if protocol == 'pixels':
        return np.linalg.norm(face.pred - face.truth, axis=-1)
    assert face.cells is not None  # self.protocols has 'cells' only if all have
    # as in TopdownAffine without rotation: the corner of the box maps to (0, 0)
    corner = face.centre - face.scale / 2
    cells = np.floor((face.truth - corner) * (face.size / face.scale) + 0.5)
    return np.linalg.norm(face.cells - cells, axis=-1)
