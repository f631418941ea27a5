"""File readers as targets of the fuzzer in fuzz.py."""

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

# Separates the CSV of boxes from the image in an input of `predict`.
PART = b'\n--image--\n'
# Serialised data would run a garbage collection for each file.
OPTIONS = dict(data_prefix=dict(img=''), serialize_data=False)

Reader = Callable[[str], Any]


class Finding(AssertionError):
    """A reader broke the rules of fuzz.py."""


def pts() -> Reader:
    """Read 300W's keypoints."""
    from rcn_mmpose.io.pts import read_pts

    return read_pts


def mtfl() -> Reader:
    """Read MTFL's lists."""
    from mtfl2coco import read_list

    return read_list


def mat() -> Reader:
    """Read AFW's annotations."""
    from afw2coco import read_annotations

    return lambda path: list(read_annotations(path))


def faces() -> Reader:
    """Read a COCO file of a training."""
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
    """Read a COCO file of `rcn-mmpose evaluate`."""
    from rcn_mmpose.io.annotations import describe_keypoints, read_annotations

    def read(path: str) -> None:
        truth = read_annotations(path)
        describe_keypoints(truth.names, truth.category)

    return read


def boxes() -> Reader:
    """Read boxes: JSON if the file begins with a brace, else CSV."""
    from rcn_mmpose.io.box_files import boxes_of, read_boxes

    return lambda path: boxes_of(['a/1.jpg', '2.jpg'], read_boxes(path))


def predictions() -> Reader:
    """Read predictions: JSON if the file begins with a brace, else CSV."""
    from rcn_mmpose.io.predictions import read_predictions

    return read_predictions


def errors() -> Reader:
    """Read the errors of tested faces."""
    from rcn_mmpose.evaluation.error_file import read_errors

    return read_errors


def config() -> Reader:
    """Parse the config in a checkpoint; its error does not name a file."""
    from rcn_mmpose.io.carried_config import carried_config, parse_config

    def read(path: str) -> None:
        with open(path, encoding='utf-8', errors='replace') as file:
            text = file.read()
        try:
            carried_config(parse_config(text))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error

    return read


def checkpoint() -> Reader:
    """Read a checkpoint without building its network."""
    from rcn_mmpose.io.checkpoint import read_checkpoint

    return read_checkpoint


def onnx_graph() -> Reader:
    """Check a graph of unknown origin before an engine opens it."""
    from pathlib import Path

    from rcn_mmpose.inference.foreign_onnx import check_contents

    return lambda path: check_contents(Path(path), 'weights.bin')


def description() -> Reader:
    """Read the description beside an exported model, whose graph is empty."""
    from pathlib import Path

    from rcn_mmpose.inference.loading import read_description

    def read(path: str) -> None:
        graph = Path(path).with_suffix('.onnx')
        graph.write_bytes(b'')
        read_description(graph)

    return read


def cache() -> Reader:
    """Read the cache of --device-data; one of its three files is fuzzed."""
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
        """Choose the fuzzed file by its first bytes; the others stay valid."""
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
    """Read an image, as in prediction and in training."""
    from rcn_mmpose.datasets.transforms import LoadGreyImage
    from rcn_mmpose.image.reading import read_image

    def read(path: str) -> None:
        LoadGreyImage()(dict(img_path=path))
        read_image(path)

    return read


def image_header() -> Reader:
    """Read the header of an image: its size, its scans and what decoding takes."""
    from rcn_mmpose.image.reading import check_size

    def read(path: str) -> None:
        with open(path, 'rb') as file:
            content = file.read()
        header = check_size(content, path)
        if header is None:
            raise ValueError(f'{path} is in no format that is decoded')
        assert 0 <= header.memory < 2**32 and header.scans >= 0

    return read


def predict() -> Reader:
    """Run `rcn-mmpose predict` without a network."""
    import numpy as np

    from rcn_mmpose.cli import predict as verb
    from rcn_mmpose.inference import ModelInfo, Predictor

    class Centre(Predictor):
        """Predicts all keypoints at the centre of the crop."""

        def _run(self, crops: np.ndarray) -> tuple:
            points = np.full((len(crops), 2, 2), 20, np.float32)
            spread = np.tile(np.eye(2, dtype=np.float32), (*points.shape, 1))
            spread = spread[:, :, 0]
            return points, np.ones(points.shape[:2], np.float32), spread

    boxes = dict(haar=dict(scale=1.0))
    model = Centre(ModelInfo((40, 40), ('a', 'b'), training_boxes=boxes))
    verb.load = lambda options: model

    def read(path: str) -> None:
        """Call the command and check the failures that it reports."""
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
    onnx_graph=(onnx_graph, '.onnx'),
    description=(description, '.json'),
    cache=(cache, '.part'),
    image=(image, '.jpg'),
    image_header=(image_header, '.jpg'),
    predict=(predict, '.jpg'),
)


class Target:
    """A reader that is called with bytes.

    Args:
        name (str): One of :data:`TARGETS`.
        folder (str): Folder for the file.
    """

    def __init__(self, name: str, folder: str) -> None:
        make, self.ending = TARGETS[name]
        self.reader = make()
        self.folder = folder

    def __call__(self, content: bytes) -> bool:
        """Write the bytes to a file and read it; return whether it is valid.

        Raises:
            Finding: If the error does not name the file.
            Exception: Any other exception of the reader.
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
