"""Helpers: one predictor of each kind, of a small network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rcn_mmpose import load_model
from rcn_mmpose.inference import Predictor, SecondPass, export, quantize

from .small_model import (
    CODEC,
    DENOISER,
    HEAD,
    build,
    config,
    random_crops,
    write_checkpoint,
)

JOINT = dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER)
CALIBRATION = dict(temperature=1.5, covariance_scale=2.0)
CALIBRATED = dict(head=dict(HEAD, decoder=dict(CODEC, calibration=CALIBRATION)))
KINDS = ['torch', 'bf16', 'joint', 'calibrated', 'passes', 'onnx', 'int8', 'two files']


def make(kind: str, folder: Path, **options: Any) -> Predictor:
    """Write the files of a predictor and load it.

    Args:
        kind (str): One of ``KINDS``.
        folder (Path): For the files.
        **options (Any): Options of ``load_model``.
    """
    parts = dict(joint=JOINT, calibrated=CALIBRATED).get(kind, {})
    path = write_checkpoint(folder / 'a.pth', config(**parts), build(**parts))
    if kind == 'two files':
        config().dump(folder / 'config.py')
        return load_model(folder / 'config.py', path, **options)
    if kind == 'bf16':
        options['precision'] = 'bf16'
    if kind == 'passes':
        second_pass = SecondPass(((0,), (1,)), 2.0)
        return load_model(path, passes=2, second_pass=second_pass, **options)
    if kind in ('onnx', 'int8'):
        export(load_model(path), folder / 'onnx.onnx')
        path = folder / f'{kind}.onnx'
    if kind == 'int8':
        quantize(folder / 'onnx.onnx', path, random_crops(4))
    return load_model(path, **options)
