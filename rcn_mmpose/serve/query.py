"""Read the query of a request for a prediction."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from ..image.limits import LONGEST_SIDE
from .upload import Refusal

LONGEST_NAME = 255
MOST_BOXES = 100
FLAGS = {'0': False, '1': True}


def read_query(query: str) -> dict[str, Any]:
    """Return the arguments of ``Service.answer`` in a query.

    Args:
        query (str): The part of the address after the question mark, see
            :mod:`rcn_mmpose.serve.server`.

    Raises:
        Refusal: If the query has other parameters or values (status 400).
    """
    try:
        given = parse_qs(
            query,
            keep_blank_values=True,
            strict_parsing=bool(query),
            max_num_fields=MOST_BOXES + 4,
        )
        boxes = [_box(text) for text in given.pop('box', [])]
        faces = [_box(text) for text in given.pop('face', [])]
        (name,) = given.pop('name', [''])
        (model,) = given.pop('model', [''])
        (ellipses,) = given.pop('ellipses', ['0'])
        (detect,) = given.pop('detect', ['0' if boxes or faces else '1'])
        if given or len(name) > LONGEST_NAME or len(boxes + faces) > MOST_BOXES:
            raise ValueError
        return dict(
            name=name,
            model=model,
            boxes=boxes,
            faces=faces,
            ellipses=FLAGS[ellipses],
            detect=FLAGS[detect],
        )
    except (ValueError, KeyError) as error:  # also if a parameter occurs twice
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            f'The query {query!r:.100} is not valid; allowed are name= with at '
            f'most {LONGEST_NAME} characters, model=, ellipses=0 or 1, detect=0 or 1, '
            f'and box= or face=x1,y1,x2,y2 (x1 < x2, y1 < y2) at most {MOST_BOXES} '
            'times.',
        ) from error


def _box(text: str) -> list[float]:
    """Return the box in a text."""
    x1, y1, x2, y2 = box = [float(part) for part in text.split(',')]
    if not (x1 < x2 and y1 < y2 and max(map(abs, box)) <= LONGEST_SIDE):
        raise ValueError
    return box
