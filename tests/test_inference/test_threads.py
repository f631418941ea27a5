"""Threads that share a predictor get the results of one call after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.inference import Predictor, Result

from .several import KINDS, make
from .small_model import random_crops

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')

IMAGES = list(random_crops(8, side=90))
# As many boxes as the image has, so that batches differ.
BOXES = [[[10 + i, 9, 70 + i, 70 + i]] * (i % 3 + 1) for i in range(8)]


@pytest.fixture(scope='module')
def predictors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Predictor]:
    """A predictor of each kind."""
    return {kind: make(kind, tmp_path_factory.mktemp('model')) for kind in KINDS}


def check_equal(one: Result, other: Result) -> None:
    """Check that two results are the same, bit for bit."""
    for name in ('keypoints', 'confidence', 'covariance', 'boxes'):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize('threads', [2, 4, 8])
@pytest.mark.parametrize('kind', KINDS)
def test_one_predictor(
    kind: str, threads: int, predictors: dict[str, Predictor]
) -> None:
    model = predictors[kind]
    alone = [model(*pair) for pair in zip(IMAGES, BOXES, strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        together = list(pool.map(model, IMAGES * 3, BOXES * 3))
    for result, expected in zip(together, alone * 3, strict=True):
        check_equal(result, expected)


@pytest.mark.parametrize('threads', [2, 8])
def test_several_predictors_with_detectors(
    threads: int, predictors: dict[str, Predictor]
) -> None:
    def first(image: np.ndarray) -> list:
        return [[5, 5, 60, 60 + int(image[0, 0]) % 9]]

    models = [model.with_detector(first) for model in predictors.values()]
    alone = [model(image) for image in IMAGES for model in models]
    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(model, image) for image in IMAGES for model in models]
    for call, expected in zip(calls, alone, strict=True):
        check_equal(call.result(), expected)


def test_lists_of_files(predictors: dict[str, Predictor], tmp_path: Path) -> None:
    paths = [tmp_path / f'{i}.png' for i in range(8)]
    for path, image in zip(paths, IMAGES, strict=True):
        cv2.imwrite(str(path), image)
    model = predictors['onnx']
    alone = model(paths, BOXES)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(model, [paths] * 8, [BOXES] * 8):
            check_equal(result, alone)


@pytest.mark.parametrize('runtime', ['onnx', 'torch'])
def test_loading_in_threads(runtime: str) -> None:
    """The shipped model; its .onnx reads the weights of its .pth."""
    expected = load_model('rcn-5', runtime=runtime)(IMAGES[0], BOXES[0])

    def load_and_predict(_: int) -> Result:
        return load_model('rcn-5', runtime=runtime)(IMAGES[0], BOXES[0])

    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(load_and_predict, range(8)):
            check_equal(result, expected)
