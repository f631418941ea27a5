"""An ONNX file reads no other file and runs no other operator."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.inference.foreign_onnx import OPERATORS, check_contents
from rcn_mmpose.shipped.catalogue import shipped_file, shipped_models

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
helper = onnx.helper
FLOAT = onnx.TensorProto.FLOAT


def model_of(nodes: list, tensors: list = ()) -> onnx.ModelProto:
    value = helper.make_tensor_value_info('x', FLOAT, [1])
    out = helper.make_tensor_value_info('y', FLOAT, [1])
    graph = helper.make_graph(nodes, 'graph', [value], [out], list(tensors))
    return helper.make_model(graph)


def external(location: str) -> onnx.TensorProto:
    """A tensor whose content is in another file."""
    tensor = onnx.TensorProto(name='w', data_type=FLOAT, dims=[1])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (('offset', '0'), ('location', location), ('length', '4')):
        tensor.external_data.add(key=key, value=value)
    return tensor


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / 'model.onnx'
    path.write_bytes(model.SerializeToString())
    return path


def test_operators_of_shipped_models() -> None:
    for name in shipped_models():
        path = Path(shipped_file(name, 'onnx'))
        found = onnx.load(str(path), load_external_data=False)
        nodes = [found.graph.node]
        while nodes:
            for node in nodes.pop():
                assert node.op_type in OPERATORS
                nodes += [a.g.node for a in node.attribute if a.HasField('g')]
        check_contents(path, f'{name}.pth')


@pytest.mark.parametrize(
    'location', ['/etc/passwd', '../secret', 'a/../secret', 'secret', '', 'rcn.pth/']
)
def test_other_files_are_not_read(location: str, tmp_path: Path) -> None:
    """In an initialiser, in a constant, in a graph inside a node, in a function."""
    add = helper.make_node('Add', ['x', 'w'], ['y'])
    tensor = external(location)
    constant = helper.make_node('Constant', [], ['w'], value=tensor)
    branch = helper.make_graph([constant], 'branch', [], [])
    inside = helper.make_node('If', ['x'], ['y'], then_branch=branch)
    (tmp_path / 'rcn.pth').write_bytes(b'1234')
    found = [model_of([add], [tensor]), model_of([constant, add]), model_of([inside])]
    function = onnx.FunctionProto(name='f', domain='ai.onnx')
    function.node.append(constant)
    found.append(model_of([add]))
    found[-1].functions.append(function)
    for model in found:
        with pytest.raises(ValueError, match='would read|is no complete'):
            check_contents(save(model, tmp_path), 'rcn.pth')


def test_order_of_the_entry_does_not_matter(tmp_path: Path) -> None:
    """The key may follow the value, and entries may be doubled."""
    path = save(model_of([], [external('secret')]), tmp_path)
    content = path.read_bytes()
    entry = b'\x0a\x08location\x12\x06secret'
    assert content.count(entry) == 1
    path.write_bytes(content.replace(entry, entry[10:] + entry[:10]))
    with pytest.raises(ValueError, match="would read 'secret'"):
        check_contents(path, 'rcn.pth')
    twice = b'\x0a\x08location\x0a\x06offset\x12'
    path.write_bytes(content.replace(entry[:11], twice[: len(entry[:11])]))
    with pytest.raises(ValueError, match='is no complete ONNX'):
        check_contents(path, 'rcn.pth')


@pytest.mark.parametrize('name', ['Loop', 'Scan', 'SequenceMap', 'ImageDecoder'])
def test_other_operators_are_not_run(name: str, tmp_path: Path) -> None:
    path = save(model_of([helper.make_node(name, ['x'], ['y'])]), tmp_path)
    with pytest.raises(ValueError, match=rf'has operators .*{name}'):
        check_contents(path, None)
    foreign = helper.make_node('Add', ['x', 'x'], ['y'], domain='com.evil')
    with pytest.raises(ValueError, match="operators of 'com.evil'"):
        check_contents(save(model_of([foreign]), tmp_path), None)


def copy_of_a_model(folder: Path) -> Path:
    source = Path(shipped_file('rcn-5', 'onnx'))
    for ending in ('.onnx', '.json', '.pth'):
        shutil.copy(source.with_suffix(ending), folder)
    return folder / source.name


def test_a_link_in_place_of_the_weights(tmp_path: Path) -> None:
    path = copy_of_a_model(tmp_path)
    crops = np.zeros((1, 80, 80), np.uint8)
    assert np.isfinite(load_model(path).predict_crops(crops)[0]).all()
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    shutil.move(path.with_suffix('.pth'), elsewhere / 'weights')
    path.with_suffix('.pth').symlink_to(elsewhere / 'weights')
    with pytest.raises(ValueError, match='is not a file in the folder of the model'):
        load_model(path)


def test_a_folder_of_links_is_allowed(tmp_path: Path) -> None:
    """Some package managers install links to one folder."""
    store, used = tmp_path / 'store', tmp_path / 'used'
    store.mkdir()
    used.mkdir()
    path = copy_of_a_model(store)
    for file in store.iterdir():
        (used / file.name).symlink_to(file)
    assert load_model(used / path.name).info.name == 'rcn-5'


def test_no_onnx_at_all(tmp_path: Path) -> None:
    path = tmp_path / 'model.onnx'
    rng = np.random.default_rng(0)
    whole = save(model_of([helper.make_node('Add', ['x', 'x'], ['y'])]), tmp_path)
    content = whole.read_bytes()
    for text in (
        *(content[:n] for n in range(1, len(content), 7)),
        *(rng.bytes(200) for _ in range(200)),
        b'\x3a' * 100_000,
        b'\xff' * 100,
    ):
        path.write_bytes(text)
        try:
            check_contents(path, None)
        except ValueError as error:
            assert 'model.onnx' in str(error)


@pytest.mark.parametrize(
    ('entry', 'value'),
    [
        ('input_size', [30000, 30000]),
        ('input_size', 80),
        ('input_size', ['80', '80']),
        ('keypoints', 'nose'),
        ('keypoints', [1, 2]),
        ('keypoints', ['x' * 10**5]),
        ('keypoints', ['x'] * 10**4),
        ('box_rule', 'given'),
        ('box_rule', dict(rule='given', path='/etc/passwd')),
        ('box_rule', dict(rule='detection', scale=float('inf'))),
        ('radius', 'three'),
        ('calibration', [1, 2]),
        ('calibration', dict(temperature='hot')),
        ('weights', dict(file=['a'])),
        ('weights', 'a.pth'),
        ('lines', 3),
        ('lines', [[0, 10**9]]),
        ('training_boxes', 'mtfl'),
        ('training_boxes', dict(haar=dict(scale='wide'))),
        ('format', 'new'),
        ('sha256', 3),
    ],
)
def test_odd_descriptions(entry: str, value: object, tmp_path: Path) -> None:
    path = copy_of_a_model(tmp_path)
    content = json.loads(path.with_suffix('.json').read_text())
    path.with_suffix('.json').write_text(json.dumps({**content, entry: value}))
    began = time.monotonic()
    with pytest.raises(ValueError) as error:
        load_model(path)
    assert time.monotonic() - began < 1
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    'text',
    [b'[' * 100_000, b'{"format": 1', b'\xff\xfe', b'3', b'null', b' ' * 2_000_000],
    ids=['brackets', 'cut', 'not UTF-8', 'a number', 'null', 'large'],
)
def test_no_description_at_all(text: bytes, tmp_path: Path) -> None:
    path = copy_of_a_model(tmp_path)
    path.with_suffix('.json').write_bytes(text)
    with pytest.raises(ValueError, match='rcn-5.json.* does not describe a model'):
        load_model(path)
