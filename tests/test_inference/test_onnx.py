from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rcn_mmpose import load_model
from rcn_mmpose.inference import (
    OnnxPredictor,
    TorchPredictor,
    export,
    loading,
    onnx_export,
    quantize,
)
from rcn_mmpose.inference.onnx_export import ParityError
from rcn_mmpose.inference.parity import compare

from .small_model import (
    DENOISER,
    HEAD,
    NAMES,
    SIDE,
    build,
    config,
    random_crops,
    write_checkpoint,
)

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnx.reference')
onnxruntime = pytest.importorskip('onnxruntime')

CROPS = random_crops(12)
IMAGE = random_crops(1, side=90)[0]
BOXES = [[10, 10, 70, 70], [20, 15, 80, 75], [-5, 3, 60, 80]]


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> TorchPredictor:
    folder = tmp_path_factory.mktemp('model')
    path = write_checkpoint(folder / 'a.pth', config(), build())
    return load_model(path)


@pytest.fixture(scope='module')
def exported(model: TorchPredictor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('exported') / 'new' / 'small.onnx'
    export(model, path)
    return path


# ------------------------------------------------------------- the export


def test_the_graph_predicts_like_torch(model: TorchPredictor, exported: Path) -> None:
    session = onnxruntime.InferenceSession(str(exported))
    (given,) = session.get_inputs()
    assert given.type == 'tensor(uint8)' and given.shape[1:] == [SIDE, SIDE]
    for count in (1, 2, 7):
        found = session.run(None, {'crops': CROPS[:count]})
        expected = model.predict_crops(CROPS[:count])
        np.testing.assert_allclose(found[0], expected[0], atol=0.01)
        np.testing.assert_allclose(found[1], expected[1], atol=1e-4)
        np.testing.assert_allclose(found[2], expected[2], atol=0.05)


MODELS = {
    'joint': dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER),
    'skip': dict(backbone=dict(type='rcn_mmpose.RCN', num_branches=5, skip=True)),
    '5x5': dict(
        backbone=dict(type='rcn_mmpose.RCN', num_branches=3, arch='300w'),
        head=dict(HEAD, in_channels=64, kernel_size=1),
    ),
    'sumnet': dict(
        backbone=dict(type='rcn_mmpose.SumNet', num_branches=3),
        head=dict(HEAD, type='rcn_mmpose.SumNetHead', in_channels=(16, 32, 48)),
    ),
    'soft': dict(head=dict(HEAD, type='rcn_mmpose.SoftArgmaxHead')),
    'flip': dict(test_cfg=dict(flip_test=True)),
}


@pytest.mark.parametrize('name', MODELS)
def test_every_kind_of_model(name: str, tmp_path: Path) -> None:
    """`export` compares the graph with torch; a wrong graph raises an error."""
    checkpoint = write_checkpoint(
        tmp_path / 'a.pth', config(**MODELS[name]), build(**MODELS[name])
    )
    parity = export(load_model(checkpoint), tmp_path / 'a.onnx', CROPS)
    assert parity.near_ties == []
    assert parity.keypoints < 0.01


def test_a_second_engine_computes_the_graph(tmp_path: Path) -> None:
    """ONNX's reference implementation, with more faces than keypoints."""
    kind = MODELS['sumnet']  # its maps have blocks of equal cells
    checkpoint = write_checkpoint(tmp_path / 'a.pth', config(**kind), build(**kind))
    model = load_model(checkpoint)
    export(model, tmp_path / 'a.onnx')
    engine = onnx.reference.ReferenceEvaluator(str(tmp_path / 'a.onnx'))
    crops = np.concatenate([CROPS[:5], np.zeros_like(CROPS[:1])])
    parity = compare(model, crops, tuple(engine.run(None, {'crops': crops})))
    assert parity.keypoints < 0.01 and parity.confidence < 1e-4
    assert parity.deviation < 0.01


def test_the_graph_has_no_operator_that_engines_compute_wrongly(
    exported: Path,
) -> None:
    """OpenVINO 2026.4 adds a constant wrongly to a reduction of integers."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(str(exported))).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in graph.value_info}
    found = {node.op_type for node in graph.node}
    assert found & {'If', 'Loop', 'Scan', 'GatherElements', 'ArgMax'} == set()
    reduced = [kinds[n.input[0]] for n in graph.node if n.op_type.startswith('Reduce')]
    assert set(reduced) == {onnx.TensorProto.FLOAT}


def test_description_of_the_model(exported: Path, model: TorchPredictor) -> None:
    found = json.loads(exported.with_suffix('.json').read_text())
    assert found['input_size'] == [SIDE, SIDE]
    assert tuple(found['keypoints']) == NAMES
    assert found['box_rule'] == dict(rule='given')
    assert found['radius'] == 3 and found['precision'] == 'fp32'
    assert {'rcn_mmpose', 'torch', 'onnx'} <= found['versions'].keys()
    assert len(found['sha256']) == 64
    # No temporary file remains.
    assert len(list(exported.parent.iterdir())) == 2


def test_a_graph_with_large_differences_is_not_written(
    model: TorchPredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of 0.02 pixels, of 0.001 in confidence, and NaN covariances."""
    run = OnnxPredictor._run
    for index, by in ((0, 0.02), (1, 1e-3), (2, np.nan)):

        def wrong(self: OnnxPredictor, crops: np.ndarray) -> tuple:
            found = list(run(self, crops))
            found[index] = found[index] + by  # noqa: B023
            return tuple(found)

        monkeypatch.setattr(OnnxPredictor, '_run', wrong)
        with pytest.raises(ParityError, match='was not written'):
            export(model, tmp_path / 'a.onnx')
        assert list(tmp_path.iterdir()) == []


def test_near_ties_are_listed(
    model: TorchPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two modes of equal height, both are correct, and the tie is listed."""
    scores = torch.full((2, 5, SIDE, SIDE), -9.0)
    scores[:, :, 10, 10] = 9
    scores[1, 3, 30, 20] = 9 - 1e-4
    monkeypatch.setattr(model.network, 'scores', lambda crops: scores[-len(crops) :])
    other = model.predict_crops(CROPS[:2])
    assert other[0][1, 3].tolist() == [10, 10]
    other[0][1, 3] = (20, 30)
    parity = compare(model, CROPS[:2], other)
    assert parity.near_ties == [(1, 3)] and parity.keypoints == 0
    other[0][1, 3] = (20, 31)  # neither mode
    assert compare(model, CROPS[:2], other).keypoints == 21
    other[0][1, 3] = (20, 30)
    scores[1, 3, 30, 20] = 8  # e times less probable
    parity = compare(model, CROPS[:2], other)
    assert parity.near_ties == [] and parity.keypoints == 20


def test_cells_on_the_circle_are_listed(
    model: TorchPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell at 3 cells from the keypoint may count or not, by rounding."""
    scores = torch.full((1, 5, SIDE, SIDE), -30.0)
    scores[:, :, 10, 10] = 9
    scores[:, 2, 10, 13] = 7
    monkeypatch.setattr(model.network, 'scores', lambda crops: scores)
    other = model.predict_crops(CROPS[:1])
    share = 1 / (1 + np.exp(-2))
    assert other[1][0, 2] == pytest.approx(1)
    other[1][0, 2] = share
    parity = compare(model, CROPS[:1], other)
    assert parity.near_ties == [(0, 2)] and parity.confidence < 1e-6
    # For a cell that is not on the circle, the difference counts.
    monkeypatch.setattr(model.network, 'radius_cells', 3.2)
    parity = compare(model, CROPS[:1], other)
    assert parity.near_ties == []
    assert parity.confidence == pytest.approx(1 - share)


@pytest.mark.parametrize('tied', [True, False])
def test_a_tie_before_the_denoiser_excludes_the_crop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tied: bool
) -> None:
    """Rounding decides the input of the denoiser, and thus its whole output."""
    joint = dict(type='rcn_mmpose.JointEstimator', refiner=DENOISER)
    path = tmp_path / 'joint.pth'
    write_checkpoint(path, config(**joint), build(**joint))
    model = load_model(path)
    alone = torch.full((1, 5, SIDE, SIDE), -9.0)
    alone[:, :, 10, 10] = 9
    alone[0, 1, 30, 20] = 9 - 1e-4 if tied else 8
    sums = torch.full((1, 5, SIDE, SIDE), -9.0)
    sums[:, :, 15, 12] = 9
    monkeypatch.setattr(
        model.network,
        'scores',
        lambda crops: sums if model.network.model.rounds else alone,
    )
    other = model.predict_crops(CROPS[:1])
    other[0][0, 4] += 2
    parity = compare(model, CROPS[:1], other)
    assert parity.near_ties == ([(0, k) for k in range(5)] if tied else [])
    assert parity.keypoints == (0 if tied else 2)
    assert model.network.model.rounds == 1


def test_invalid_arguments_of_export(
    model: TorchPredictor,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        'rcn_mmpose.inference.torch_predictor.cpu_has_bfloat16', lambda: True
    )
    with pytest.raises(ValueError, match='must end in .onnx'):
        export(model, tmp_path / 'a.pt')
    with pytest.raises(ValueError, match="precision='fp32'"):
        export(load_model(checkpoint, precision='bf16'), tmp_path / 'a.onnx')
    large = dict(
        type='rcn_mmpose.LargeKernelNet',
        in_channels=5,
        channels=16,
        kernel_size=9,
        input_size=(SIDE, SIDE),
    )
    joint = dict(
        type='rcn_mmpose.JointEstimator',
        refiner=dict(DENOISER, backbone=large),
    )
    path = write_checkpoint(tmp_path / 'a.pth', config(**joint), build(**joint))
    with pytest.raises(ValueError, match='compact denoiser'):
        export(load_model(path), tmp_path / 'a.onnx')
    assert [p.name for p in tmp_path.iterdir()] == ['a.pth']


# --------------------------------------------------------------- prediction


def test_both_predictors_agree(model: TorchPredictor, exported: Path) -> None:
    ours, theirs = model(IMAGE, BOXES), load_model(exported)(IMAGE, BOXES)
    np.testing.assert_allclose(ours.keypoints, theirs.keypoints, atol=0.03)
    np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-4)
    assert ours.names == theirs.names


def test_options(exported: Path) -> None:
    rule = dict(rule='detection')
    model = load_model(exported, batch_size=2, box_rule=rule)
    assert model.info.box_rule == rule and model.batch_size == 2
    assert len(model(IMAGE, BOXES)) == 3
    with pytest.raises(ValueError, match='Leave out checkpoint'):
        load_model(exported, precision='bf16')


def test_files_of_different_models(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / 'a.onnx'
    path.write_bytes(exported.read_bytes())
    with pytest.raises(FileNotFoundError, match='two files'):
        load_model(path)
    description = exported.with_suffix('.json').read_text()
    path.with_suffix('.json').write_text(description)
    load_model(path)
    path.write_bytes(exported.read_bytes() + b'\x1a\0')  # an empty field
    with pytest.raises(ValueError, match='sha256 differs'):
        load_model(path)


def test_other_onnx_files(tmp_path: Path) -> None:
    (tmp_path / 'a.onnx').write_bytes(b'text')
    with pytest.raises(ValueError, match='cannot be read by onnxruntime'):
        loading.open_session(tmp_path / 'a.onnx')
    relu = onnx.helper.make_node('Relu', ['x'], ['y'])
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
        for name in 'xy'
    )
    graph = onnx.helper.make_graph([relu], 'g', [x], [y])
    opset = onnx.helper.make_opsetid('', 17)
    made = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.save(made, str(tmp_path / 'b.onnx'))
    with pytest.raises(ValueError, match='has inputs and outputs'):
        loading.open_session(tmp_path / 'b.onnx')


def test_numpy_opencv_and_onnxruntime_suffice(
    exported: Path,
    model: TorchPredictor,
    fresh: Callable[..., subprocess.CompletedProcess],
    tmp_path: Path,
) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), IMAGE)
    code = f"""
import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'mmengine', 'mmcv', 'mmpose',
                                  'mmdet', 'onnx', 'PIL', 'pandas', 'scipy'):
            raise ImportError(f'{{name}} is refused')


sys.meta_path.insert(0, Refuse())
import numpy as np
from rcn_mmpose import load_model
result = load_model({str(exported)!r})('a.png', {BOXES!r})
np.save('keypoints.npy', result.keypoints)
assert result.to_coco()['annotations'][0]['num_keypoints'] == 5
allowed = {{'rcn_mmpose', 'numpy', 'cv2', 'onnxruntime'}}
print(sorted(m for m in sys.modules if m.startswith('rcn_mmpose')))
"""
    done = fresh('-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / 'keypoints.npy'),
        model(IMAGE, BOXES).keypoints,
        atol=0.03,
    )


def test_without_onnxruntime(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match='onnxruntime is not installed'):
        load_model(exported)


# ------------------------------------------------------------------ 8 bits


def test_eight_bits(exported: Path, model: TorchPredictor, tmp_path: Path) -> None:
    path = tmp_path / 'small-int8.onnx'
    moved = quantize(exported, path, CROPS)
    assert 0 < moved['median'] < 0.5 and moved['median'] <= moved['mean']
    assert path.stat().st_size < exported.stat().st_size
    found = json.loads(path.with_suffix('.json').read_text())
    assert found['precision'] == 'int8' and found['name'] == 'small-int8'
    model = load_model(path)
    assert model.info.keypoints == NAMES
    # The weights of the backbone have 8 bits; the weights of the head have not.
    kinds = {
        i.name: i.data_type
        for i in onnx.load(str(path)).graph.initializer
        if len(i.dims) == 4
    }
    backbone = [k for n, k in kinds.items() if 'backbone' in n]
    assert backbone and set(backbone) == {onnx.TensorProto.INT8}
    assert onnx.TensorProto.FLOAT in kinds.values()
    apart = np.linalg.norm(
        model.predict_crops(CROPS)[0] - OnnxPredictor(exported).predict_crops(CROPS)[0],
        axis=-1,
    )
    assert moved['median'] == pytest.approx(np.median(apart))


def test_invalid_arguments_of_quantize(exported: Path, tmp_path: Path) -> None:
    for out in (exported, tmp_path / 'a.pth'):
        with pytest.raises(ValueError, match='another file'):
            quantize(exported, out, CROPS)
    with pytest.raises(ValueError, match='no crops'):
        quantize(exported, tmp_path / 'a.onnx', CROPS[:0])


def test_no_file_if_keypoints_move_too_far(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rcn_mmpose.inference import int8

    monkeypatch.setattr(int8, 'MOST_MOVED', 0.0)
    with pytest.raises(ValueError, match='was not written'):
        quantize(exported, tmp_path / 'a.onnx', CROPS)
    assert list(tmp_path.iterdir()) == []


def test_noise_crops() -> None:
    crops = onnx_export.noise_crops((40, 40))
    assert crops.dtype == np.uint8 and crops.shape == (9, 40, 40)
    assert crops[:-1].std((1, 2)).min() > 20 and crops[-1].max() == 0
