"""Old names give a warning and the same objects as the new names."""

from __future__ import annotations

import importlib
import sys

import pytest

from rcn_mmpose.environment.renamed import renamed_property


class Box:
    """A class with a renamed attribute."""

    width = 3
    breadth = renamed_property('breadth', 'width')


def test_an_old_attribute_warns() -> None:
    with pytest.warns(DeprecationWarning, match='Box.breadth is now Box.width'):
        assert Box().breadth == 3


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('rcn_mmpose.boxes', 'rcn_mmpose.geometry.boxes'),
        ('rcn_mmpose.inference.result', 'rcn_mmpose.io.output'),
    ],
)
def test_an_old_module_is_the_new_one(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f'{old} is now {new}; .* version 0.2'):
        found = importlib.import_module(old)
    assert found is importlib.import_module(new)
    assert found.__spec__.name == found.__name__ == new
    monkeypatch.delitem(sys.modules, old)


def test_other_names_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('rcn_mmpose.never_was')
