"""The models that ship with the package, by ``index.json`` beside this file.

The index holds ``format`` (1) and ``models``, a list of objects with the
fields of :class:`ShippedModel`. ``tools/release/ship.py`` writes it, and the files of
the models into this folder. Terms: ``LICENSE-weights.md``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / 'models'
INDEX = 'index.json'
FORMAT = 1
# What predicts, and the endings of the files it reads, its own first. The
# weights of the .onnx are those in the .pth.
RUNTIMES = {'torch': ('.pth',), 'onnx': ('.onnx', '.json', '.pth')}


@dataclass(frozen=True)
class ShippedModel:
    """One model.

    Attributes:
        name: By which it is loaded; its files are called after it.
        keypoints: How many it finds.
        parameters: Of the network, the denoiser included.
        trained_on: The training data.
        terms: Of use, in short.
        date: When it was written, as 2026-11-20.
        config: Of the training, such as ``configs/shipped/rcn_5.py``; that
            of the model lies beside it.
        files: ``bytes`` and ``sha256`` of each file, by its name.
        metrics: Test errors and the like, a number by dataset and measure.
        halving: What rounding the weights to 16 bits changed: see
            :func:`~.packing.compare_halved`.
    """

    name: str
    keypoints: int
    parameters: int
    trained_on: str
    terms: str
    date: str
    config: str
    files: Mapping[str, Mapping]
    metrics: Mapping[str, Mapping[str, float]]
    halving: Mapping[str, object]


def shipped_models(folder: Path | None = None) -> dict[str, ShippedModel]:
    """Read the index.

    Args:
        folder (Path, optional): Where it lies. Defaults to that of the
            package.

    Returns:
        dict[str, ShippedModel]: The models by their names.

    Raises:
        FileNotFoundError: If there is no index.
        ValueError: If it is of another format.
    """
    path = (folder or FOLDER) / INDEX
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist: the package is not whole; install it again.'
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


def index_text(models: Mapping[str, ShippedModel]) -> str:
    """Write an index of these models."""
    content = dict(format=FORMAT, models=[asdict(m) for m in models.values()])
    return json.dumps(content, indent=2, ensure_ascii=False) + '\n'


def shipped_file(
    name: str, runtime: str | None = None, folder: Path | None = None
) -> str:
    """Return the file of a model, after checking all that belongs to it.

    Args:
        name (str): Of the model.
        runtime (str, optional): ``'torch'`` for the checkpoint, ``'onnx'``
            for the model of ONNX Runtime. By default the latter where
            onnxruntime is installed: it needs less and starts faster.
        folder (Path, optional): See :func:`shipped_models`.

    Raises:
        FileNotFoundError: If there is no such model, or a file is missing.
        ValueError: If a file is another one than the index says.
        ImportError: If neither onnxruntime nor MMPose is installed.
    """
    folder = folder or FOLDER
    model = _find(name, folder)
    runtime = runtime or _installed_runtime()
    paths = [folder / f'{name}{ending}' for ending in RUNTIMES[runtime]]
    for path in paths:
        check_file(path, model.files[path.name])
    return os.fspath(paths[0])


def model_files(name: str, folder: Path | None = None) -> tuple[str, str]:
    """Return config and checkpoint of a model, for MMPose's functions.

    ``init_model(*model_files('rcn-5'), device='cpu')``

    Args:
        name (str): Of the model.
        folder (Path, optional): See :func:`shipped_models`.

    Returns:
        tuple[str, str]: Their paths.

    Raises:
        FileNotFoundError: If there is no such model, or a file is missing.
        ValueError: If a file is another one than the index says.
    """
    folder = folder or FOLDER
    files = _find(name, folder).files
    paths = [folder / f'{name}{ending}' for ending in ('.py', '.pth')]
    for path in paths:
        check_file(path, files[path.name])
    config, checkpoint = map(os.fspath, paths)
    return config, checkpoint


def check_file(path: Path, wanted: Mapping) -> None:
    """Raise an error unless a file is the one that the index says."""
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist: the package is not whole; install it again.'
        )
    found = describe_file(path)
    if found['sha256'] != wanted['sha256']:
        raise ValueError(
            f'{str(path)!r} has {found["bytes"]:,} bytes and the sha256 '
            f'{found["sha256"]}, not {wanted["bytes"]:,} and '
            f'{wanted["sha256"]} as the index says; install the package '
            'again.'
        )


def describe_file(path: Path) -> dict:
    """Return ``bytes`` and ``sha256`` of a file."""
    content = path.read_bytes()
    return dict(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _installed_runtime() -> str:
    """Return what predicts here."""
    for runtime, package in (('onnx', 'onnxruntime'), ('torch', 'mmpose')):
        if importlib.util.find_spec(package) is not None:
            return runtime
    raise ImportError(
        'neither onnxruntime nor MMPose is installed; the first is enough: '
        "pip install 'rcn_mmpose[predict]'"
    )


def _find(name: str, folder: Path) -> ShippedModel:
    """Return a model by its name."""
    models = shipped_models(folder)
    if name not in models:
        raise FileNotFoundError(
            f'model {name!r} is neither a file nor a name of this version, '
            f'which ships {", ".join(models) or "no models yet"}; give a '
            'checkpoint (.pth), a config (.py) and a checkpoint, or an '
            'exported .onnx.'
        )
    return models[name]
