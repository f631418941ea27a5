from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

import rcn_mmpose
from rcn_mmpose import load_model
from rcn_mmpose.inference.loading import find_model

from .small_model import (
    CODEC,
    DENOISER,
    HEAD,
    NAMES,
    PIPELINE,
    SIDE,
    build,
    config,
    random_crops,
    write_checkpoint,
)

HAS_BFLOAT16 = 'rcn_mmpose.inference.torch_predictor.cpu_has_bfloat16'

IMAGE = random_crops(1, side=90)[0]
BOXES = [[10, 10, 70, 70], [20, 15, 80, 75]]


def same(a: object, b: object) -> bool:
    return np.array_equal(a.keypoints, b.keypoints) and np.array_equal(
        a.confidence, b.confidence
    )


# --------------------------------------------------------------- model forms


def test_a_checkpoint_with_its_config(checkpoint: Path) -> None:
    model = load_model(checkpoint)
    result = model(IMAGE, BOXES)
    assert result.names == NAMES
    assert result.keypoints.shape == (2, 5, 2) and result.found.all()
    assert model.info.input_size == (SIDE, SIDE)
    assert model.info.name == 'small'


def test_a_config_and_a_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    expected = load_model(checkpoint)(IMAGE, BOXES)
    config().dump(tmp_path / 'config.py')
    for first in (config(), str(tmp_path / 'config.py')):
        assert same(load_model(first, checkpoint)(IMAGE, BOXES), expected)


def test_bare_weights(checkpoint: Path, tmp_path: Path) -> None:
    """Without meta, the names come from the dataset in the config."""
    path = tmp_path / 'bare.pth'
    torch.save(build().state_dict(), path)
    model = load_model(config(), path)
    assert model.info.keypoints[0] == 'left_eye'
    expected = load_model(checkpoint)(IMAGE, BOXES)
    assert same(model(IMAGE, BOXES), expected)


def test_a_given_config_replaces_that_of_the_checkpoint(checkpoint: Path) -> None:
    other = config(head=dict(HEAD, decoder=dict(CODEC, score_radius=9.0)))
    model = load_model(other, checkpoint)
    assert model.info.radius == 9
    expected = load_model(checkpoint)(IMAGE, BOXES)
    found = model(IMAGE, BOXES)
    np.testing.assert_array_equal(found.keypoints, expected.keypoints)
    assert (found.confidence > expected.confidence).all()


def test_the_joint_model(tmp_path: Path) -> None:
    joint = dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER)
    path = write_checkpoint(tmp_path / 'joint.pth', config(**joint), build(**joint))
    assert load_model(path)(IMAGE, BOXES).found.all()
    # The same model from two checkpoints, of the network and of the denoiser.
    model = build(**joint)
    torch.save(model.refiner.state_dict(), tmp_path / 'denoiser.pth')
    torch.save(
        {k: v for k, v in model.state_dict().items() if not k.startswith('refiner')},
        tmp_path / 'network.pth',
    )
    refined = dict(joint, refiner_checkpoint=str(tmp_path / 'denoiser.pth'))
    two = load_model(config(**refined), tmp_path / 'network.pth')
    assert same(two(IMAGE, BOXES), load_model(path)(IMAGE, BOXES))


def test_options(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HAS_BFLOAT16, lambda: True)
    model = load_model(
        checkpoint,
        precision='bf16',
        batch_size=3,
        box_rule=dict(rule='detection', scale=1.2),
        detector=lambda image: BOXES,
    )
    assert model.batch_size == 3
    assert model.network.dtype == torch.bfloat16
    assert model.info.box_rule == dict(rule='detection', scale=1.2)
    assert len(model(IMAGE)) == 2
    assert load_model(checkpoint).batch_size == 64


def test_a_processor_without_bfloat16_computes_in_float32(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HAS_BFLOAT16, lambda: False)
    with pytest.warns(UserWarning, match='bf16.*ten times.*computes in float32'):
        model = load_model(checkpoint, precision='bf16')
    assert model.precision == 'fp32' and model.network.dtype == torch.float32
    assert same(model(IMAGE, BOXES), load_model(checkpoint)(IMAGE, BOXES))


def test_the_detector_of_opencv(checkpoint: Path) -> None:
    from rcn_mmpose.synthetic import render_face

    model = load_model(checkpoint, detector='haar')
    image = render_face(0, pose=(0.0, 0.0, 0.0), plain=True).image
    (box,) = model.detector(image)
    result = model(image)
    np.testing.assert_allclose(result.boxes, [box])
    same_box = load_model(checkpoint)(image, [box])
    np.testing.assert_array_equal(result.keypoints, same_box.keypoints)
    for options, message in (
        (dict(detector='dlib'), "detector 'dlib'; give 'yunet'"),
        (dict(detector='haar', box_rule=dict(rule='given')), 'has its own rule'),
    ):
        with pytest.raises(ValueError, match=message):
            load_model(checkpoint, **options)
    assert load_model(checkpoint, detector='none').detector is None


def test_the_box_rule_comes_from_the_test_pipeline(
    checkpoint: Path,
) -> None:
    cfg = config()
    cfg.test_dataloader.dataset.pipeline[1] = dict(
        type='rcn_mmpose.FaceBox', rule='detection', shift=0.2
    )
    model = load_model(cfg, checkpoint)
    assert model.info.box_rule == dict(rule='detection', shift=0.2)
    cfg.test_dataloader.dataset.pipeline[1] = dict(
        type='rcn_mmpose.FaceBox', rule='extent'
    )
    with pytest.raises(ValueError, match='of a box alone'):
        load_model(cfg, checkpoint)
    load_model(cfg, checkpoint, box_rule=dict(rule='given'))


def test_a_config_without_test_data(checkpoint: Path) -> None:
    cfg = Config(dict(model=config().model))
    assert load_model(cfg, checkpoint).info.box_rule == dict(rule='given')


# -------------------------------------------------------------------- errors


def test_another_crop(checkpoint: Path) -> None:
    cfg = config()
    for crop in (
        dict(type='TopdownAffine', input_size=(SIDE, SIDE)),
        dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
    ):
        cfg.test_dataloader.dataset.pipeline = [
            *PIPELINE[:2],
            crop,
            PIPELINE[3],
        ]
        with pytest.raises(ValueError, match='knows no other crop'):
            load_model(cfg, checkpoint)


def test_another_architecture(checkpoint: Path) -> None:
    other = config(backbone=dict(type='rcn_mmpose.RCN', num_branches=3))
    with pytest.raises(ValueError, match='another architecture'):
        load_model(other, checkpoint)


def test_a_malicious_config_in_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    trace = tmp_path / 'trace'
    meta = dict(cfg=f'open({str(trace)!r}, "w")\nmodel = dict()')
    torch.save(dict(meta=meta, state_dict={}), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='plain values'):
        load_model(tmp_path / 'a.pth')
    assert not trace.exists()


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (('none.pth',), FileNotFoundError, "'none.pth' does not exist"),
        (('none.onnx',), FileNotFoundError, "'none.onnx' does not exist"),
        (('rcn-7',), FileNotFoundError, 'nor a shipped model'),
        ((config(), 'none.pth'), FileNotFoundError, "'none.pth' does not"),
        ((config(),), ValueError, 'give a config and a checkpoint'),
    ],
)
def test_missing_files(arguments: tuple, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        load_model(*arguments)


def test_a_checkpoint_without_config(checkpoint: Path, tmp_path: Path) -> None:
    torch.save(build().state_dict(), tmp_path / 'bare.pth')
    with pytest.raises(ValueError, match='carries no config'):
        load_model(tmp_path / 'bare.pth')
    with pytest.raises(ValueError, match='give a config and a checkpoint'):
        load_model(checkpoint, checkpoint)


def test_a_file_is_found_before_a_name(tmp_path: Path) -> None:
    path = tmp_path / 'rcn-5'
    path.touch()
    assert find_model(path) == str(path)


# ------------------------------------------------------------------- imports


def test_importing_loads_no_large_packages(
    fresh: Callable[..., subprocess.CompletedProcess], tmp_path: Path
) -> None:
    code = """
import sys
import rcn_mmpose.inference
assert 'load_model' in dir(rcn_mmpose.inference)
heavy = {'torch', 'mmengine', 'mmpose', 'cv2', 'numpy', 'onnxruntime'}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from rcn_mmpose import load_model
assert not {'torch', 'mmengine', 'onnxruntime'} & set(sys.modules)
"""
    done = fresh('-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_unknown_names() -> None:
    for module in (rcn_mmpose, rcn_mmpose.inference):
        with pytest.raises(AttributeError, match='nothing'):
            _ = module.nothing
