"""Predictors that travel to another process by the path of their file.

A pickle (``multiprocessing`` with ``spawn``, joblib, Ray) holds the path and the
options of a predictor, not its weights. The file is opened again where the pickle is
read, and has to be the same.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..shipped.catalogue import describe_file
from .predictor import Predictor


class TravelsByPath(Predictor):
    """A predictor of a file.

    Attributes:
        opened: Name of the attribute that holds the opened file.
        path: Absolute path of the file; empty for a model without a file, whose
            pickle holds the weights.
        record: Size and sha256 of the file, from
            :func:`rcn_mmpose.shipped.catalogue.describe_file`.
    """

    opened: ClassVar[str]
    path: str
    record: Mapping

    @abstractmethod
    def _open(self) -> None:
        """Open the file in this process."""

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        if self.path:
            del state[self.opened]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.path:
            self._open_again()

    def _open_again(self) -> None:
        """Open the file in another process than the first.

        Raises:
            FileNotFoundError: If the file does not exist here.
            ValueError: If its content has changed.
        """
        if not os.path.isfile(self.path):
            raise FileNotFoundError(
                f'model {self.path!r} does not exist; a predictor travels to another '
                'process by the path of its file. Copy the file to the same place, '
                'or load the model in that process.'
            )
        if describe_file(Path(self.path)) != self.record:
            raise ValueError(
                f'model {self.path!r} has changed since this predictor was loaded; '
                'load it again.'
            )
        self._open()
