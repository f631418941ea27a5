"""Readers as targets of a fuzzer, see fuzz.py: bytes in, whole or refused."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os.path as osp
import re
import sys
import tempfile
from collections.abc import Callable
from typing import Any

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
sys.path[:0] = [ROOT, osp.join(ROOT, 'tools', 'dataset_converters')]

from rcn_mmpose import compat

compat.activate()

# parted by this, an input of `predict` is a csv of boxes and an image
PART = b'\n--image--\n'
# without a garbage collection for each file
OPTIONS = dict(data_prefix=dict(img=''), serialize_data=False)

Reader = Callable[[str], Any]


class Finding(AssertionError):
    """A reader did what it must not."""


def pts() -> Reader:
    """300W's keypoints."""
    from rcn_mmpose.io.pts import read_pts

    return read_pts


def mtfl() -> Reader:
    """MTFL's lists."""
    from mtfl2coco import read_list

    return read_list


def mat() -> Reader:
    """AFW's annotations."""
    from afw2coco import read_annotations

    return lambda path: list(read_annotations(path))


def faces() -> Reader:
    """COCO json of a training."""
    from rcn_mmpose.datasets import MTFLDataset

    def read(path: str) -> None:
        folder, name = osp.split(path)
        for face in MTFLDataset(name, data_root=folder, **OPTIONS):
            assert face['keypoints'].shape == (1, 5, 2)

    return read


def own_faces() -> Reader:
    """COCO json of keypoints of one's own."""
    from rcn_mmpose.datasets import OwnFaceDataset

    def read(path: str) -> None:
        folder, name = osp.split(path)
        made = OwnFaceDataset(name, data_root=folder, **OPTIONS)
        for face in made:
            assert len(face['keypoints'][0]) == made.metainfo['num_keypoints']

    return read


def annotations() -> Reader:
    """COCO json of `rcn-mmpose evaluate`."""
    from rcn_mmpose.io.annotations import describe_keypoints, read_annotations

    def read(path: str) -> None:
        truth = read_annotations(path)
        describe_keypoints(truth.names, truth.category)

    return read


def boxes() -> Reader:
    """Boxes, a json if it begins with a brace, else a csv."""
    from rcn_mmpose.io.box_files import boxes_of, read_boxes

    return lambda path: boxes_of(['a/1.jpg', '2.jpg'], read_boxes(path))


def predictions() -> Reader:
    """Predictions, a json if it begins with a brace, else a csv."""
    from rcn_mmpose.io.predictions import read_predictions

    return read_predictions


def errors() -> Reader:
    """Errors of the faces of a test."""
    from rcn_mmpose.evaluation.error_file import read_errors

    return read_errors


def config() -> Reader:
    """The config that a checkpoint carries; its file is not named."""
    from rcn_mmpose.io.checkpoint import check_parts, parse_config

    def read(path: str) -> None:
        with open(path, encoding='utf-8', errors='replace') as file:
            text = file.read()
        try:
            check_parts(parse_config(text))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error

    return read


def checkpoint() -> Reader:
    """Weights, without those of the network they go with."""
    from rcn_mmpose.io.checkpoint import read_checkpoint

    return read_checkpoint


def cache() -> Reader:
    """Crops kept by --device-data: one of its three files."""
    import numpy as np

    from rcn_mmpose.device_data.cache import outdated

    manifest = dict(faces=1, crop_size=4, extent=1.0)
    faces = dict(
        keypoints=np.zeros((1, 5, 2), np.float32),
        visible=np.ones((1, 5), np.float32),
        flip_indices=np.arange(5),
    )
    with tempfile.TemporaryDirectory() as folder:
        np.save(osp.join(folder, 'crops.npy'), np.zeros((1, 4, 4), np.uint8))
        np.savez(osp.join(folder, 'faces.npz'), **faces)
        whole = {'manifest.json': json.dumps(manifest).encode()}
        for name in ('crops.npy', 'faces.npz'):
            with open(osp.join(folder, name), 'rb') as file:
                whole[name] = file.read()

    def read(path: str) -> None:
        """Choose the file by how it begins, and leave the others whole."""
        with open(path, 'rb') as file:
            content = file.read()
        name = 'manifest.json'
        if content.startswith(b'PK'):
            name = 'faces.npz'
        elif content.startswith(b'\x93NUMPY'):
            name = 'crops.npy'
        folder = osp.dirname(path)
        for file_name, good in whole.items():
            with open(osp.join(folder, file_name), 'wb') as file:
                file.write(content if file_name == name else good)
        outdated(folder, manifest)

    return read


def image() -> Reader:
    """Images, by the predictors and by a training."""
    from rcn_mmpose.datasets.transforms import LoadGreyImage
    from rcn_mmpose.image.reading import read_image

    def read(path: str) -> None:
        LoadGreyImage()(dict(img_path=path))
        read_image(path)

    return read


def predict() -> Reader:
    """`rcn-mmpose predict`, all of it but the network."""
    import numpy as np

    from rcn_mmpose.cli import predict as verb
    from rcn_mmpose.inference import ModelInfo, Predictor

    class Centre(Predictor):
        """Finds all keypoints in the middle of the crop."""

        def _run(self, crops: np.ndarray) -> tuple:
            points = np.full((len(crops), 2, 2), 20, np.float32)
            spread = np.tile(np.eye(2, dtype=np.float32), (*points.shape, 1))
            spread = spread[:, :, 0]
            return points, np.ones(points.shape[:2], np.float32), spread

    model = Centre(ModelInfo((40, 40), ('a', 'b')))
    verb.load = lambda options: model

    def read(path: str) -> None:
        """Call the command; its exit status says how it went."""
        with open(path, 'rb') as file:
            table, part, content = file.read().partition(PART)
        folder = osp.dirname(path)
        out = osp.join(folder, 'out.json')
        words = [path, '--out', out, '--draw', osp.join(folder, 'drawn')]
        words += ['--quiet', '--ellipses', '--model', 'none.pth']
        if part:
            with open(path, 'wb') as file:
                file.write(content)
            given = osp.join(folder, 'boxes.csv')
            with open(given, 'wb') as file:
                file.write(table)
            words += ['--boxes', given]
        parser = argparse.ArgumentParser()
        verb.add_arguments(parser)
        try:
            verb.run(parser.parse_args(words))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
        with open(out, encoding='utf-8', errors='surrogateescape') as file:
            failures = json.load(file)['failures']
        for failure in failures:
            reason = failure['reason']
            if re.match(r'[A-Z]\w*(Error|Exception): ', reason):
                raise Finding(reason)

    return read


TARGETS: dict[str, tuple[Callable[[], Reader], str]] = dict(
    pts=(pts, '.pts'),
    mtfl=(mtfl, '.txt'),
    mat=(mat, '.mat'),
    faces=(faces, '.json'),
    own_faces=(own_faces, '.json'),
    annotations=(annotations, '.json'),
    boxes=(boxes, '.csv'),
    predictions=(predictions, '.csv'),
    errors=(errors, '.csv'),
    config=(config, '.py'),
    checkpoint=(checkpoint, '.pth'),
    cache=(cache, '.part'),
    image=(image, '.jpg'),
    predict=(predict, '.jpg'),
)


class Target:
    """A reader that is given bytes.

    Args:
        name (str): One of :data:`TARGETS`.
        folder (str): Where its file is written.
    """

    def __init__(self, name: str, folder: str) -> None:
        make, self.ending = TARGETS[name]
        self.reader = make()
        self.folder = folder

    def __call__(self, content: bytes) -> bool:
        """Let the reader read; return whether it could.

        Raises:
            Finding: If the error does not name the file.
            Exception: Whatever else the reader raises.
        """
        ending = self.ending
        if ending == '.csv' and content.lstrip().startswith(b'{'):
            ending = '.json'
        path = osp.join(self.folder, f'case{ending}')
        with open(path, 'wb') as file:
            file.write(content)
        said = io.StringIO()
        try:
            with (
                contextlib.redirect_stdout(said),
                contextlib.redirect_stderr(said),
            ):
                self.reader(path)
        except ValueError as error:
            if path not in str(error):
                raise Finding(f'{path} is not named: {error!r}') from error
            return False
        return True
