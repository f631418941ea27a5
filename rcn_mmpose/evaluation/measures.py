"""What is measured, and what each value is called."""

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
    """One value: of what, how, over which keypoints and faces.

    Attributes:
        value (str): ``'NME'``, or ``'AUC'`` or ``'FR'`` with a limit in
            percent.
        protocol (str): One of :data:`PROTOCOLS`.
        normaliser (str): Name of what errors are divided by.
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
        """Its name."""
        return '_'.join(part for part in self if part)

    def compute(self, errors: Sequence[float]) -> float:
        """Compute the value from the errors of the faces, all in percent."""
        if self.value == 'NME':
            return mean_error(errors)
        if self.value.startswith('AUC'):
            return area_under_curve(errors, float(self.value[3:]))
        return failure_rate(errors, float(self.value[2:]))


class Plan:
    """All that a test measures, checked before it begins.

    Args:
        meta (dict): Metainfo of the dataset, parsed by MMPose. Besides
            ``num_keypoints`` and ``keypoint_id2name`` it may have, each by
            name: ``normalisers``, two groups of keypoints;
            ``keypoint_groups`` and ``keypoint_regions``, keypoints;
            ``face_subsets``, rules.
        normalisers (Mapping | Sequence, optional): As the other arguments,
            see :class:`~.FaceNME`.
        keypoint_groups (Mapping | Sequence, optional): The same.
        face_subsets (Mapping | Sequence, optional): The same.
        values (Sequence[str]): The same.
        detailed (bool): The same.

    Raises:
        ValueError: If an index is outside the keypoints, a name is unknown,
            stands twice or cannot be part of a file name, or a rule or value
            has another form.
        FileNotFoundError: If the list of a subset does not exist.

    Attributes:
        normalisers (dict): Two groups of indices by name, None for the box.
        keypoints (dict): Indices by the name of a set, ``''`` for all.
        subsets (dict): Checked rules by name.
        required (set): The subsets that must be there; the others are left
            out where a list does not hold them.
        measures (list): The values, the main one first.
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
        parts = []
        if detailed:
            parts += (meta.get('keypoint_regions') or {}).items()
            parts += [
                (re.sub(r'[^\w.-]', '_', name), (i,))
                for i, name in meta['keypoint_id2name'].items()
            ]
        self.groups = ('', *groups)
        self.parts = tuple(name for name, _ in parts)
        for name, indices in (*groups.items(), *parts):
            check_indices(f'keypoint_groups[{name!r}]', indices, count)
        self.keypoints = {'': tuple(range(count)), **groups, **dict(parts)}
        self.required = set(face_subsets or ())
        self.subsets = {name: check_rule(name, rule) for name, rule in rules.items()}
        for name in (*self.normalisers, *groups, *self.parts, *self.subsets):
            if not NAME.fullmatch(name):
                raise ValueError(
                    f'name {name!r}: use letters, digits, _, . and - only, '
                    'for it becomes part of the names of values and files.'
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
        """List all values, the main one first."""
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
    """Raise an error unless these are keypoints, each once.

    Args:
        what (str): For the error.
        indices (Sequence[int]): The keypoints.
        count (int): K, the number there is.

    Raises:
        ValueError: Naming the first that is none, or stands twice.
    """
    cure = f'give different keypoints from 0 to {count - 1}'
    if isinstance(indices, (str, int)) or not len(indices):
        raise ValueError(f'{what}={indices!r}: {cure}, at least one.')
    for i, index in enumerate(indices):
        if not isinstance(index, int) or not 0 <= index < count:
            raise ValueError(
                f'{what} has {index!r}, which is none of the {count} keypoints; {cure}.'
            )
        if index in list(indices)[:i]:
            raise ValueError(f'{what} has {index} twice; {cure}.')


def _choose(
    what: str, given: Mapping | Sequence[str] | None, known: dict, all_: bool
) -> dict:
    """Choose by name, or define.

    Args:
        what (str): The argument, for errors.
        given (Mapping | Sequence[str], optional): Definitions by name, or
            names of known ones.
        known (dict): What the dataset defines.
        all_ (bool): Whether the known ones that are not given come along
            (never, if names are given).

    Raises:
        ValueError: If a name is unknown or none is chosen.
    """
    if given is None or isinstance(given, Mapping):
        # those given come first, also where the dataset knows the name
        rest = {k: v for k, v in known.items() if k not in (given or {})}
        return {**(given or {}), **(rest if all_ else {})}
    unknown = [name for name in given if name not in known]
    if unknown or isinstance(given, str):
        raise ValueError(
            f'{what}={given!r}: this dataset knows '
            f'{", ".join(known) or "none"}; give a list of these names, or '
            'define others by dict(name=...).'
        )
    return {name: known[name] for name in given}


def _check_normaliser(name: str, groups: tuple | None, count: int) -> None:
    """Check two groups of keypoints, or the box."""
    if (name == BOX) != (groups is None):
        raise ValueError(
            f'normalisers[{name!r}]={groups!r}: {BOX!r} alone needs no '
            'keypoints; give others by another name.'
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
