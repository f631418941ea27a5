"""The catalogue of the shipped models, read from ``models/index.json``.

The index contains ``format`` (1) and ``models``, a list of objects with the
fields of :class:`~rcn_mmpose.shipped.catalogue.ShippedModel`.
``tools/release/ship.py`` writes the index and the files of the models into
``models/``. The terms of use are in ``models/LICENSE-weights.md``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..environment.missing import PREDICTION

FOLDER = Path(__file__).resolve().parent / 'models'
INDEX = 'index.json'
CHECKPOINTS = ('.pth', '.pt')
CONFIGS = ('.py', '.yml', '.yaml', '.json')
FORMAT = 1
# Endings of the files that each runtime reads; the first one is the model file. An
# .onnx file reads its weights from the .pth file.
RUNTIMES = {'torch': ('.pth',), 'onnx': ('.onnx', '.json', '.pth')}


@dataclass(frozen=True)
class ShippedModel:
    """A shipped model.

    Attributes:
        name: Name of the model, also the stem of its file names.
        keypoints: Number of keypoints.
        parameters: Number of parameters of the network, including the denoiser.
        trained_on: The training data.
        terms: The terms of use, in short.
        date: Date of the release, such as 2026-11-20.
        config: Config of the training, such as ``configs/shipped/rcn_5.py``. The
            config of the model is a file of the model.
        files: ``bytes`` and ``sha256`` of each file, by file name.
        metrics: Test errors and other measures, by dataset and measure.
        halving: Changes that rounding the weights to 16 bits caused; see
            ``rcn_mmpose.lab.release.packing.compare_halved``.
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
        folder (Path, optional): Folder of the index. Defaults to the folder of
            the package.

    Returns:
        dict[str, ShippedModel]: The models by name.

    Raises:
        FileNotFoundError: If the index does not exist.
        ValueError: If the index has another format.
    """
    path = (folder or FOLDER) / INDEX
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist: the package is incomplete; install it '
            'again.'
        )
    content = json.loads(path.read_text(encoding='utf-8'))
    if content.get('format') != FORMAT:
        raise ValueError(
            f'{str(path)!r} has the format {content.get("format")!r} instead of '
            f'{FORMAT}; install the package again.'
        )
    known = [field.name for field in fields(ShippedModel)]
    models = [
        ShippedModel(**{name: entry[name] for name in known})
        for entry in content['models']
    ]
    return {model.name: model for model in models}


def index_text(models: Mapping[str, ShippedModel]) -> str:
    """Return the text of an index of models."""
    content = dict(format=FORMAT, models=[asdict(m) for m in models.values()])
    return json.dumps(content, indent=2, ensure_ascii=False) + '\n'


def find_model(model: str | os.PathLike, runtime: str | None = None) -> str:
    """Return the file of a model.

    Names of shipped models are resolved here only.

    Args:
        model: A file, or a name.
        runtime (str, optional): See :func:`shipped_file`.

    Raises:
        FileNotFoundError: If there is no such file and no such name.
    """
    path = os.fspath(model)
    if os.path.isfile(path):
        return path
    if path.endswith((*CHECKPOINTS, *CONFIGS, '.onnx')):
        raise FileNotFoundError(f'model {path!r} does not exist.')
    return shipped_file(path, runtime)


def shipped_file(
    name: str, runtime: str | None = None, folder: Path | None = None
) -> str:
    """Return the path of the model file, after checking all files that it needs.

    Args:
        name (str): Name of the model.
        runtime (str, optional): ``'torch'`` for the checkpoint, ``'onnx'`` for
            the model of ONNX Runtime. Defaults to ``'onnx'`` if onnxruntime is
            installed (it needs fewer packages and starts faster), else
            ``'torch'``.
        folder (Path, optional): Folder of the index, as in
            :func:`~rcn_mmpose.shipped.catalogue.shipped_models`.

    Raises:
        FileNotFoundError: If the model or one of its files does not exist.
        ValueError: If a file differs from its record in the index.
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
    """Return the config and the checkpoint of a model, for functions of MMPose.

    Example: ``init_model(*model_files('rcn-5'), device='cpu')``

    Args:
        name (str): Name of the model.
        folder (Path, optional): Folder of the index, as in
            :func:`~rcn_mmpose.shipped.catalogue.shipped_models`.

    Returns:
        tuple[str, str]: The paths of the config and of the checkpoint.

    Raises:
        FileNotFoundError: If the model or one of its files does not exist.
        ValueError: If a file differs from its record in the index.
    """
    folder = folder or FOLDER
    files = _find(name, folder).files
    paths = [folder / f'{name}{ending}' for ending in ('.py', '.pth')]
    for path in paths:
        check_file(path, files[path.name])
    config, checkpoint = map(os.fspath, paths)
    return config, checkpoint


def terms_of(path: str | os.PathLike) -> str:
    """Return the terms of use of a model that ships, by one of its files.

    Args:
        path: Any file.

    Returns:
        str: The terms, or an empty text for a file of another folder.
    """
    file = Path(path).resolve()
    if file.parent != FOLDER:
        return ''
    models = shipped_models().values()
    return next((m.terms for m in models if file.name in m.files), '')


def check_file(path: Path, wanted: Mapping) -> None:
    """Raise an error unless a file equals its record in the index."""
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist: the package is incomplete; install it '
            'again.'
        )
    found = describe_file(path)
    if found['sha256'] != wanted['sha256']:
        raise ValueError(
            f'{str(path)!r} has {found["bytes"]:,} bytes and the sha256 '
            f'{found["sha256"]}, but the index records {wanted["bytes"]:,} bytes and '
            f'{wanted["sha256"]}; install the package again.'
        )


def check_described(path: Path, sha256: str | None, description: Path) -> None:
    """Check that a file is the one in the description of an exported model.

    Args:
        path (Path): The file.
        sha256 (str, optional): Its sha256 in the description.
        description (Path): The json file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the sha256 differs.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'{str(path)!r} does not exist; it holds the weights of the model '
            f'that {str(description)!r} describes. Copy it to the same folder.'
        )
    if describe_file(path)['sha256'] != sha256:
        raise ValueError(
            f'{str(description)!r} belongs to another model than {str(path)!r}: '
            'the sha256 differs. Copy both files again, or export the model '
            'again.'
        )


def describe_file(path: Path) -> dict:
    """Return the record of a file: ``bytes`` and ``sha256``."""
    content = path.read_bytes()
    return dict(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _installed_runtime() -> str:
    """Return the runtime that is installed, the faster one first."""
    for runtime, package in (('onnx', 'onnxruntime'), ('torch', 'mmpose')):
        if importlib.util.find_spec(package) is not None:
            return runtime
    raise ImportError(
        f'neither onnxruntime nor MMPose is installed; {PREDICTION} suffices.'
    )


def _find(name: str, folder: Path) -> ShippedModel:
    """Return a model by its name."""
    models = shipped_models(folder)
    if name not in models:
        raise FileNotFoundError(
            f'model {name!r} is neither a file nor a shipped model '
            f'({", ".join(models) or "no models yet"}); give a shipped model, a '
            'checkpoint (.pth), a config (.py) and a checkpoint, or an '
            'exported .onnx.'
        )
    return models[name]
