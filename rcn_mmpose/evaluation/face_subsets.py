"""Named subsets of the faces of a test.

A rule is a dict with one of

- ``path``: a pattern for the path of the picture, such as
  ``'*/lfpw/testset/*'``;
- ``file``: a text file that names a picture a line by the end of its path;
- ``field`` and ``values``: a field of the annotation, such as
  ``'attributes.pose'``, and its values that count;

and, if wanted, ``count``, the number of faces there must be, so that a part
of a subset is not taken for the whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import numpy as np

from .face_result import FaceResult

FORMS = ({'path'}, {'file'}, {'field', 'values'})


def check_rule(name: str, rule: dict) -> dict:
    """Check the form of a rule and read its file.

    Args:
        name (str): Of the subset.
        rule (dict): As above.

    Returns:
        dict: The rule, with ``lines``, the set of names, if it has a file.

    Raises:
        ValueError: If the rule has another form.
        FileNotFoundError: If its file does not exist.
    """
    keys = set(rule) - {'count'} if isinstance(rule, dict) else None
    if keys not in FORMS:
        raise ValueError(
            f'face_subsets[{name!r}]={rule!r}: give dict(path=pattern), '
            'dict(file=list of pictures) or dict(field=name, values=[...]), '
            'and if wanted count=number of faces.'
        )
    rule = dict(rule)
    if 'file' in rule:
        if not os.path.isfile(rule['file']):
            raise FileNotFoundError(
                f'face_subsets[{name!r}]: list {rule["file"]!r} does not '
                'exist.'
            )
        with open(rule['file'], encoding='utf-8') as file:
            lines = (line.strip().replace('\\', '/') for line in file)
            rule['lines'] = {line for line in lines if line}
    return rule


def fields_of(rules: Iterable[dict]) -> list[str]:
    """List the fields of the annotations that rules ask for."""
    return sorted({rule['field'] for rule in rules if 'field' in rule})


def find_members(
    name: str, rule: dict, faces: Sequence[FaceResult]
) -> np.ndarray:
    """Find the faces of a subset.

    Args:
        name (str): Of the subset.
        rule (dict): From :func:`check_rule`.
        faces (Sequence[FaceResult]): N faces, read with the fields of the
            rule.

    Returns:
        np.ndarray: bool of shape (N,).

    Raises:
        ValueError: If there is none, another number than ``count``, or the
            file names a picture that was not tested.
    """
    where = f'face_subsets[{name!r}]'
    paths = [face.img_path.replace(os.sep, '/') for face in faces]
    if 'path' in rule:
        members = [fnmatchcase(path, rule['path']) for path in paths]
        looked = f'no picture fits {rule["path"]!r}, as {paths[0]!r} does not'
    elif 'file' in rule:
        named = [_named(path, rule['lines']) for path in paths]
        left = sorted(rule['lines'].difference(*named))
        if left:
            raise ValueError(
                f'{where}: {len(left)} of {len(rule["lines"])} pictures named '
                f'in {rule["file"]!r} were not tested, such as {left[0]!r}; '
                'test them too, or take them out of the list.'
            )
        members = [bool(names) for names in named]
        looked = f'{rule["file"]!r} names no picture'
    else:
        found = [face.labels.get(rule['field']) for face in faces]
        members = [value in rule['values'] for value in found]
        seen = sorted({repr(value) for value in found})
        looked = (
            f'{rule["field"]!r} is none of {list(rule["values"])}, but '
            f'{", ".join(seen[:10])}'
        )
    count = sum(members)
    if not count:
        raise ValueError(
            f'{where} matches no face of {len(faces)}: {looked}; correct it '
            'or leave it out.'
        )
    if count != rule.get('count', count):
        raise ValueError(
            f'{where} matches {count} faces, not {rule["count"]}; test the '
            'whole of it, or leave it out.'
        )
    return np.array(members)


def _named(path: str, lines: set[str]) -> set[str]:
    """Return the lines that are the end of a path, by whole names."""
    parts = path.split('/')
    ends = {'/'.join(parts[i:]) for i in range(len(parts))}
    return ends & lines
