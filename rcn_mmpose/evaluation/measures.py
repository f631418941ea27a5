"""The values that a test measures, and their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .ced import area_under_curve, failure_rate, mean_error
from .faces import check_rule

PROTOCOLS = ('pixels', 'cells')
VALUES = ('NME', 'AUC8', 'AUC10', 'FR8', 'FR10')
BOX = 'box'
# Names become parts of the names of values and checkpoints.
NAME = re.compile(r'[\w.-]+')


class Measure(NamedTuple):
    """One measured value: quantity, protocol, normaliser, keypoints and faces.

    Attributes:
        value (str): ``'NME'``, or ``'AUC'`` or ``'FR'`` with a limit in
            percent.
        protocol (str): One of ``PROTOCOLS``.
        normaliser (str): Name of the length that divides the errors.
        keypoints (str): Name of a set of keypoints; empty for all.
        faces (str): Name of a subset; empty for all.
    """

    value: str
    protocol: str
    normaliser: str
    keypoints: str = ''
    faces: str = ''

    @property
    def name(self) -> str:
        """Name of the value, such as ``'NME_pixels_eye_points'``."""
        return '_'.join(part for part in self if part)

    def compute(self, errors: Sequence[float]) -> float:
        """Compute the value from the errors of the faces, all in percent."""
        if self.value == 'NME':
            return mean_error(errors)
        if self.value.startswith('AUC'):
            return area_under_curve(errors, float(self.value[3:]))
        return failure_rate(errors, float(self.value[2:]))


class MeasurePlan:
    """All values that a test measures, checked before the test starts.

    Args:
        meta (dict): Metainfo of the dataset, parsed by MMPose. Required keys
            are ``num_keypoints`` and ``keypoint_id2name``. Optional keys hold
            dicts by name: ``normalisers`` (two groups of keypoints each),
            ``keypoint_groups`` and ``keypoint_regions`` (keypoints), and
            ``face_subsets`` (rules).
        normalisers (Mapping | Sequence, optional): See
            :class:`~rcn_mmpose.evaluation.face_nme.FaceNME`, which takes the
            same arguments.
        keypoint_groups (Mapping | Sequence, optional): See above.
        face_subsets (Mapping | Sequence, optional): See above.
        values (Sequence[str]): See above.
        detailed (bool): See above.

    Raises:
        ValueError: If a keypoint index is out of range; if a name is unknown,
            duplicate or not fit for a file name; or if a rule or a value is
            malformed.
        FileNotFoundError: If the list file of a subset does not exist.

    Attributes:
        normalisers (dict): Two groups of indices by name; None for the box.
        values (tuple): Quantities, such as ``'NME'`` and ``'AUC8'``.
        groups (tuple): Names of the keypoint groups, ``''`` (all) first.
        regions (tuple): Names of the keypoint regions.
        single_keypoints (tuple): Names of single keypoints.
        parts (tuple): ``regions`` and ``single_keypoints``.
        keypoints (dict): Indices by the name of a set; ``''`` for all.
        subsets (dict): Checked rules by name.
        required (set): Subsets that must match a face. Other subsets are left
            out if the tested faces do not hold all of their faces.
        measures (list): The measures, the main one first.
    """

    def __init__(
        self,
        meta: dict,
        normalisers: Mapping | Sequence[str] | None = None,
        keypoint_groups: Mapping | Sequence[str] | None = None,
        face_subsets: Mapping | Sequence[str] | None = None,
        values: Sequence[str] = VALUES,
        detailed: bool = False,
    ) -> None:
        count = meta['num_keypoints']
        known = [
            meta.get(key) or {}
            for key in ('normalisers', 'keypoint_groups', 'face_subsets')
        ]
        self.normalisers = _choose(
            'normalisers', normalisers, {**known[0], BOX: None}, True
        )
        groups = _choose('keypoint_groups', keypoint_groups, known[1], detailed)
        rules = _choose('face_subsets', face_subsets, known[2], detailed)
        for name, pair in self.normalisers.items():
            _check_normaliser(name, pair, count)
        for value in values:
            if not re.fullmatch(r'NME|(AUC|FR)[1-9]\d*', value):
                raise ValueError(
                    f'value {value!r}: choose NME, or AUC or FR with a limit '
                    'in whole percent, such as AUC8 and FR10.'
                )
        self.values = tuple(values)
        regions: list[tuple[str, Sequence[int]]] = []
        single: list[tuple[str, Sequence[int]]] = []
        if detailed:
            regions += (meta.get('keypoint_regions') or {}).items()
            single += [
                (re.sub(r'[^\w.-]', '_', name), (i,))
                for i, name in meta['keypoint_id2name'].items()
            ]
        parts = regions + single
        self.groups = ('', *groups)
        self.regions = tuple(name for name, _ in regions)
        self.single_keypoints = tuple(name for name, _ in single)
        self.parts = self.regions + self.single_keypoints
        for name, indices in (*groups.items(), *parts):
            check_indices(f'keypoint_groups[{name!r}]', indices, count)
        self.keypoints = {'': tuple(range(count)), **groups, **dict(parts)}
        self.required = set(face_subsets or ())
        self.subsets = {name: check_rule(name, rule) for name, rule in rules.items()}
        for name in (*self.normalisers, *groups, *self.parts, *self.subsets):
            if not NAME.fullmatch(name):
                raise ValueError(
                    f'name {name!r}: use letters, digits, _, . and - only, '
                    'because value and file names contain it.'
                )
        self.measures = list(self._measures())
        names = Counter(measure.name for measure in self.measures)
        name, times = names.most_common(1)[0]
        if times > 1:
            raise ValueError(
                f'{times} values would be called {name!r}; give the subset or '
                'the keypoints another name.'
            )

    def _measures(self) -> Iterator[Measure]:
        """List all measures, the main one first."""
        for faces in ('', *self.subsets):
            for keypoints in self.groups:
                for value in self.values:
                    for normaliser in self.normalisers:
                        for protocol in PROTOCOLS:
                            yield Measure(value, protocol, normaliser, keypoints, faces)
        main = next(iter(self.normalisers))
        for keypoints in self.parts:
            for protocol in PROTOCOLS:
                yield Measure('NME', protocol, main, keypoints)


def check_indices(what: str, indices: Sequence[int], count: int) -> None:
    """Check that keypoint indices exist and are unique.

    Args:
        what (str): Name of the argument, for the error message.
        indices (Sequence[int]): The keypoints.
        count (int): K, the number of keypoints of the dataset.

    Raises:
        ValueError: If an index is out of range or duplicate; the message
            names the first such index.
    """
    cure = f'give different keypoints from 0 to {count - 1}'
    if isinstance(indices, (str, int)) or not len(indices):
        raise ValueError(f'{what}={indices!r}: {cure}, at least one.')
    for i, index in enumerate(indices):
        if not isinstance(index, int) or not 0 <= index < count:
            raise ValueError(
                f'{what} has {index!r}, but there are {count} keypoints; {cure}.'
            )
        if index in list(indices)[:i]:
            raise ValueError(f'{what} has {index} twice; {cure}.')


def _choose(
    what: str, given: Mapping | Sequence[str] | None, known: dict, all_: bool
) -> dict:
    """Choose definitions by name, or add definitions to those of the dataset.

    Args:
        what (str): Name of the argument, for error messages.
        given (Mapping | Sequence[str], optional): New definitions by name, or
            names of definitions of the dataset.
        known (dict): Definitions of the dataset.
        all_ (bool): Add the definitions of the dataset to the new ones. Has no
            effect if names are given.

    Raises:
        ValueError: If a name is unknown.
    """
    if given is None or isinstance(given, Mapping):
        # new definitions come first, and win over the dataset's
        rest = {k: v for k, v in known.items() if k not in (given or {})}
        return {**(given or {}), **(rest if all_ else {})}
    unknown = [name for name in given if name not in known]
    if unknown or isinstance(given, str):
        raise ValueError(
            f'{what}={given!r}: this dataset has '
            f'{", ".join(known) or "none"}; give a list of these names, or '
            'define others by dict(name=...).'
        )
    return {name: known[name] for name in given}


def _check_normaliser(name: str, groups: tuple | None, count: int) -> None:
    """Check that a normaliser is the box or two groups of keypoints."""
    if (name == BOX) != (groups is None):
        raise ValueError(
            f'normalisers[{name!r}]={groups!r}: only {BOX!r} has no '
            'keypoints; give this normaliser another name.'
        )
    if groups is None:
        return
    if isinstance(groups, str) or len(groups) != 2:
        raise ValueError(
            f'normalisers[{name!r}]={groups!r}: give two groups of keypoints, '
            'such as ((36, 39), (42, 45)).'
        )
    for group in groups:
        check_indices(f'normalisers[{name!r}]', group, count)
