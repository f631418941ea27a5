"""The models that ship with the package, by ``index.json`` beside this file.

The index holds ``format`` (1) and ``models``, a list of objects with the
fields of :class:`ShippedModel`. The files lie in this folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, fields
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FORMAT = 1


@dataclass(frozen=True)
class ShippedModel:
    """One model.

    Attributes:
        name: By which it is loaded.
        file: In this folder, ``.onnx`` or ``.pth``.
        sha256: Of the file.
        keypoints: How many it finds.
        trained_on: The training data.
        licence: Of the weights.
        errors: Test errors in words, with data set, protocol, normaliser.
    """

    name: str
    file: str
    sha256: str
    keypoints: int
    trained_on: str
    licence: str
    errors: str


def shipped_models(folder: Path = FOLDER) -> dict[str, ShippedModel]:
    """Read the index.

    Args:
        folder (Path): Where it lies. Defaults to that of the package.

    Returns:
        dict[str, ShippedModel]: The models by their names.

    Raises:
        FileNotFoundError: If there is no index.
        ValueError: If it is of another format.
    """
    path = folder / 'index.json'
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist: the package is not whole; '
            'install it again.'
        )
    content = json.loads(path.read_text(encoding='utf-8'))
    if content.get('format') != FORMAT:
        raise ValueError(
            f'{str(path)!r} has the format {content.get("format")!r}, not '
            f'{FORMAT}; install the package again.'
        )
    known = [field.name for field in fields(ShippedModel)]
    models = [
        ShippedModel(**{name: entry[name] for name in known})
        for entry in content['models']
    ]
    return {model.name: model for model in models}


def shipped_file(name: str, folder: Path = FOLDER) -> str:
    """Return the file of a model, checked.

    Args:
        name (str): Of the model.
        folder (Path): See :func:`shipped_models`.

    Raises:
        FileNotFoundError: If there is no such model, or its file is missing.
        ValueError: If the file is another one than the index says.
    """
    models = shipped_models(folder)
    if name not in models:
        raise FileNotFoundError(
            f'model {name!r} is neither a file nor a name of this version, '
            f'which ships {", ".join(models) or "no models yet"}; give a '
            'checkpoint (.pth), a config (.py) and a checkpoint, or an '
            'exported .onnx.'
        )
    path = folder / models[name].file
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist: the package is not whole; '
            'install it again.'
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != models[name].sha256:
        raise ValueError(
            f'{str(path)!r} has another sha256 than the index says ({found}); '
            'install the package again.'
        )
    return os.fspath(path)
