"""The errors of all faces by every protocol, normaliser and keypoint set."""

from __future__ import annotations

import functools
import logging
import math
import sys
from collections.abc import Sequence

import numpy as np

from .faces import FaceResult, find_members
from .measures import PROTOCOLS, Measure, Plan


class ErrorTable:
    """Errors of tested faces.

    Args:
        faces (Sequence[FaceResult]): N faces, each once.
        plan (Plan): What to measure.

    Raises:
        ValueError: If a face has no labelled keypoint, another number of
            keypoints, a position that is not finite, or no two eyes to divide
            by; or a subset that must be there matches none.
    """

    def __init__(self, faces: Sequence[FaceResult], plan: Plan) -> None:
        if not faces:
            raise ValueError('there is no tested face to measure.')
        self.faces = faces
        self.plan = plan
        self.protocols = ('pixels',)
        if all(face.cells is not None for face in faces):
            self.protocols = PROTOCOLS
        for face in faces:
            _check(face, len(plan.keypoints['']))
        self.subsets = self._find_subsets()
        self._lengths = {}
        for name, groups in plan.normalisers.items():
            lengths = [_length(face, name, groups) for face in faces]
            without = [
                face.img_path
                for face, length in zip(faces, lengths, strict=True)
                if math.isnan(length)
            ]
            if without:
                _log(
                    f'{len(without)} of {len(faces)} faces have no {name}, as '
                    f'their labelled keypoints lie on one line (such as in '
                    f'{without[0]!r}): the values by it leave them out.',
                    logging.WARNING,
                )
            self._lengths['pixels', name] = lengths
            self._lengths['cells', name] = [
                # pixels of the crop; the length is not rounded
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

        The mean distance of its labelled keypoints to the truth, divided by
        the normaliser (paper, eq. 4).

        Args:
            protocol (str): ``'pixels'`` or ``'cells'``.
            normaliser (str): Its name.
            keypoints (str): Name of a set of keypoints; empty for all.

        Returns:
            np.ndarray: In percent, (N,); NaN for a face that has no labelled
            keypoint in the set, or no box to divide by.
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
        """Return what the errors of each face are divided by.

        Args:
            protocol (str): ``'pixels'`` or ``'cells'``.
            normaliser (str): Its name.

        Returns:
            np.ndarray: In pixels of the image, or in cells, (N,); NaN for a
            face that has none.
        """
        return np.array(self._lengths[protocol, normaliser])

    def errors_of(self, measure: Measure) -> np.ndarray:
        """Return the errors that a value is made of.

        Args:
            measure (Measure): The value.

        Returns:
            np.ndarray: In percent, of the faces that it covers; none if the
            subset or the protocol is not there.
        """
        if measure.protocol not in self.protocols or measure.faces not in self.subsets:
            return np.zeros(0)
        errors = self.errors(measure.protocol, measure.normaliser, measure.keypoints)[
            self.subsets[measure.faces]
        ]
        return errors[~np.isnan(errors)]

    @functools.cached_property
    def values(self) -> dict[Measure, float]:
        """All values in percent, but those made of no error."""
        errors = {m: self.errors_of(m).tolist() for m in self.plan.measures}
        return {m: m.compute(e) for m, e in errors.items() if e}

    def columns(self) -> dict[str, np.ndarray]:
        """Compute the errors of each face, (N,), by the name of their NME."""
        wanted = dict.fromkeys(
            measure._replace(value='NME', faces='')
            for measure in self.plan.measures
            if measure.protocol in self.protocols
        )
        return {
            measure.name: self.errors(
                measure.protocol, measure.normaliser, measure.keypoints
            )
            for measure in wanted
        }

    def text(self) -> str:
        """Write all values as a table, a line for each kind of value."""
        heads = [
            (normaliser, protocol)
            for normaliser in self.plan.normalisers
            for protocol in self.protocols
        ]
        cells: dict[tuple, dict[tuple, float]] = {}
        for measure, value in self.values.items():
            row = (
                measure.faces or 'all',
                measure.keypoints or 'all',
                measure.value,
            )
            head = (measure.normaliser, measure.protocol)
            cells.setdefault(row, {})[head] = value
        # as wide as their longest entry
        titles = ('faces', 'keypoints', '')
        widths = [max(len(row[i]) for row in (titles, *cells)) + 2 for i in range(3)]
        width = max(10, *(len(name) + 2 for pair in heads for name in pair))
        lines = [
            ' ' * sum(widths) + ''.join(f'{n:>{width}}' for n, _ in heads),
            ''.join(f'{title:{w}}' for title, w in zip(titles, widths, strict=True))
            + ''.join(f'{protocol:>{width}}' for _, protocol in heads),
        ]
        for row, values in cells.items():
            line = ''.join(f'{name:{w}}' for name, w in zip(row, widths, strict=True))
            for head in heads:
                value = f'{values[head]:.2f}' if head in values else ''
                line += f'{value:>{width}}'
            lines.append(line.rstrip())
        return '\n'.join(lines)

    def _mean_distance(self, i: int, protocol: str, keypoints: str) -> float:
        """Average over the labelled keypoints of face i; NaN if none is."""
        distances = self._distances[protocol][i]
        labelled = self.faces[i].visible
        chosen = [
            float(distances[k]) for k in self.plan.keypoints[keypoints] if labelled[k]
        ]
        return math.fsum(chosen) / len(chosen) if chosen else math.nan

    def _find_subsets(self) -> dict[str, np.ndarray]:
        """Find the faces of each subset, (N,), ``''`` being all."""
        subsets = {'': np.ones(len(self.faces), bool)}
        left = []
        for name, rule in self.plan.subsets.items():
            try:
                subsets[name] = find_members(name, rule, self.faces)
            except ValueError:
                if name in self.plan.required:
                    raise
                left.append(name)
        if left:
            _log(
                'subsets left out, as this list does not hold the whole of '
                f'them: {", ".join(left)}',
                logging.INFO,
            )
        return subsets


def _log(text: str, level: int) -> None:
    """Write to MMEngine's log; to stderr where MMEngine is not in use.

    Files of predictions are measured without it, see ``rcn-mmpose evaluate``.
    """
    if sys.modules.get('mmengine') is None:
        print(text, file=sys.stderr)
        return
    from mmengine.logging import print_log

    print_log(text, 'current', level)


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
    """Measure what errors are divided by, in pixels of the image.

    NaN for a face whose labelled keypoints span no box.
    """
    if groups is None:
        width, height = np.ptp(face.truth[face.visible], 0)
        return math.sqrt(width * height) or math.nan
    cure = f'correct or remove it, or choose normalisers other than {name!r}'
    for index in (i for group in groups for i in group):
        # some datasets know where hidden keypoints lie; COCO has zeros
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
    """Measure how far predictions are off, (K,), in pixels or cells.

    The truth counts where it is, also outside the crop and the image.
    """
    if protocol == 'pixels':
        return np.linalg.norm(face.pred - face.truth, axis=-1)
    # as in TopdownAffine without rotation: the box's corner goes to (0, 0)
    corner = face.centre - face.scale / 2
    cells = np.floor((face.truth - corner) * (face.size / face.scale) + 0.5)
    return np.linalg.norm(face.cells - cells, axis=-1)
