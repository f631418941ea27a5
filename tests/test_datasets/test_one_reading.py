"""One reading of an annotation file in training, test and ``evaluate``."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS as MMPOSE_DATASETS

from rcn_mmpose.datasets.face.own_faces import own_metainfo
from rcn_mmpose.datasets.transforms import FaceBox, LoadGreyImage
from rcn_mmpose.device_data.dataset import CachedFaceDataset
from rcn_mmpose.io.annotations import read_annotations
from rcn_mmpose.io.box_files import read_boxes
from rcn_mmpose.registry import DATASETS, METRICS

NAMES = ['left', 'right', 'tip']
POINTS = [20, 30, 2, 50, 30, 2, 35, 45, 1]


def face(number: int, image: int = 1, **more: object) -> dict:
    """Return an annotation; a key with the value None is left out."""
    content = dict(
        id=number,
        image_id=image,
        category_id=1,
        bbox=[10, 10, 60, 60],
        keypoints=POINTS,
        num_keypoints=3,
        iscrowd=0,
    )
    content.update(more)
    return {key: value for key, value in content.items() if value is not None}


def write(
    root: Path, faces: list[dict], names: tuple = ('a.png',), size: tuple = (90, 80)
) -> Path:
    """Write images of 90x80 pixels and their annotation file."""
    root.mkdir(exist_ok=True)
    for name in names:
        if not (root / name).exists():
            (root / name).parent.mkdir(exist_ok=True)
            cv2.imwrite(str(root / name), np.full((80, 90, 3), 90, np.uint8))
    content = dict(
        images=[
            dict(id=i, file_name=name, width=size[0], height=size[1])
            for i, name in enumerate(names, 1)
        ],
        annotations=faces,
        categories=[
            dict(id=2, name='person'),
            dict(id=1, name='face', keypoints=NAMES, flip_pairs=[[0, 1]]),
        ],
    )
    path = root / 'own.json'
    path.write_text(json.dumps(content))
    return path


def config(path: Path) -> dict:
    return dict(
        type='rcn_mmpose.OwnFaceDataset',
        data_root=str(path.parent),
        ann_file=path.name,
        data_prefix=dict(img=''),
        pipeline=[LoadGreyImage()],
        test_mode=True,
    )


def ids(path: Path) -> list[int]:
    dataset = DATASETS.build(config(path))
    return [dataset.get_data_info(i)['id'] for i in range(len(dataset))]


MIXED = [
    face(1),
    face(2, category_id=2, keypoints=None, bbox=[0, 0, 80, 80]),  # a person
    face(3, iscrowd=1),
    face(4, num_keypoints=0),
    face(5, keypoints=[20, 30, 0, 50, 30, 0, 35, 45, 0]),
    face(6, bbox=[10, 10, 0, 60]),
    face(7, keypoints=[0, 0, 2, 0, 0, 2, 0, 0, 2]),
    face(8, num_keypoints=None, iscrowd=None),
]


def test_the_same_faces_everywhere(tmp_path: Path) -> None:
    path = write(tmp_path, MIXED)
    assert ids(path) == [1, 8]
    truth = read_annotations(str(path))
    assert [f.annotation['id'] for f in truth.faces] == [1, 8]
    assert truth.names == tuple(NAMES)
    assert truth.left_out == {
        'without keypoints': 1,
        'of a crowd': 1,
        'without a labelled keypoint': 2,
        'with an empty box': 1,
        'with all keypoints at (0, 0)': 1,
    }
    assert read_boxes(str(path))['a.png'].tolist() == [[10, 10, 70, 70]] * 2
    # A person, a crowd: not faces of the list, of which a test reports its part.
    assert DATASETS.build(config(path)).metainfo['faces_listed'] == 6


def test_a_file_of_detected_boxes_alone(tmp_path: Path) -> None:
    path = write(tmp_path, [face(1, keypoints=None), face(2, keypoints=None)])
    assert len(read_boxes(str(path))['a.png']) == 2


def test_two_images_with_one_id(tmp_path: Path) -> None:
    path = write(tmp_path, [face(1)], ('a.png', 'b.png'))
    path.write_text(path.read_text().replace('"id": 2, "file', '"id": 1, "file'))
    for read in (lambda p: ids(Path(p)), read_annotations, read_boxes):
        with pytest.raises(ValueError, match='image id 1 is .*a duplicate'):
            read(str(path))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(bbox=[70, 70, -60, -60]), 'corners swapped'),
        (dict(keypoints=[0.2, 0.3, 2, 0.5, 0.3, 2, 0.4, 0.5, 2]), 'fractions'),
        (dict(keypoints=[120, 30, 2, 150, 30, 2, 135, 40, 1]), 'outside the image'),
    ],
)
def test_labels_against_the_image(tmp_path: Path, change: dict, message: str) -> None:
    path = write(tmp_path, [face(1, **change)])
    for read in (lambda p: ids(Path(p)), read_annotations):
        with pytest.raises(ValueError, match=f"own.json'.*a.png.*90x80.*{message}"):
            read(str(path))


def rotated_jpeg(path: Path, orientation: int) -> None:
    """Write a JPEG of 90x80 pixels with an EXIF orientation."""
    image = pytest.importorskip('PIL.Image').new('RGB', (90, 80), 'grey')
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)


@pytest.mark.parametrize('orientation', [5, 6, 7, 8])
def test_labels_of_an_image_before_its_rotation(
    tmp_path: Path, orientation: int
) -> None:
    rotated_jpeg(tmp_path / 'a.jpg', orientation)
    path = write(tmp_path, [face(1)], ('a.jpg',))
    message = "a.jpg' has 80x90 pixels, .*says 90x80.*without the rotation of the EXIF"
    with pytest.raises(ValueError, match=message):
        DATASETS.build(config(path))[0]
    # The cache of --device-data, too.
    cached = dict(config(path), pipeline=[LoadGreyImage(), FaceBox()])
    with pytest.raises(ValueError, match=message):
        CachedFaceDataset(cached, 40, 1.5, str(tmp_path / 'cache'))
    # Labels of the rotated image.
    DATASETS.build(config(write(tmp_path, [face(1)], ('a.jpg',), (80, 90))))[0]


def test_an_image_that_was_resized(tmp_path: Path) -> None:
    path = write(tmp_path, [face(1)], size=(180, 160))
    with pytest.raises(ValueError, match='has 90x80 .*says 180x160.*resized'):
        DATASETS.build(config(path))[0]
    # Without a size in the file, the keypoints are held against the image.
    DATASETS.build(config(write(tmp_path, [face(1)], size=(0, 0))))[0]
    far = face(1, bbox=[80, 80, 100, 100])
    far['keypoints'] = [100, 100, 2, 150, 100, 2, 120, 140, 2]
    path = write(tmp_path, [far], size=(0, 0))
    with pytest.raises(ValueError, match='a.png.*90x80.*Most are outside'):
        DATASETS.build(config(path))[0]


def test_names_of_other_systems(tmp_path: Path) -> None:
    composed = 'é 100 % [1].png'
    on_disk = ('in/a.PNG', unicodedata.normalize('NFD', composed))
    write(tmp_path, [], on_disk)
    names = ['in\\a.png', composed, 'D:\\faces\\in\\a.png']
    path = write(tmp_path, [face(i, i) for i in (1, 2, 3)], on_disk)
    content = json.loads(path.read_text())
    content['images'] = [
        dict(id=i, file_name=name, width=90, height=80)
        for i, name in enumerate(names, 1)
    ]
    # As a spreadsheet or an editor of Windows writes it.
    path.write_bytes(b'\xef\xbb\xbf' + json.dumps(content).encode())
    dataset = DATASETS.build(config(path))
    found = [str(Path(f['img_path']).relative_to(tmp_path)) for f in dataset]
    assert found == [on_disk[0], on_disk[1], on_disk[0]]


def test_two_own_sets_are_validated_together(tmp_path: Path) -> None:
    """The ids of both files begin with 1; the second has an error of 10 percent."""
    init_default_scope('mmpose')
    paths = [write(tmp_path / name, [face(1), face(2)]) for name in 'ab']
    parts = [dict(config(path), pipeline=[]) for path in paths]
    both = MMPOSE_DATASETS.build(
        dict(
            type='CombinedDataset',
            metainfo=own_metainfo(NAMES, [(0, 1)], None, 'own'),
            datasets=parts,
            pipeline=[LoadGreyImage()],
            test_mode=True,
        )
    )
    metric = METRICS.build(
        dict(type='rcn_mmpose.FaceNME', normalisers=dict(e=((0,), (1,))))
    )
    metric.dataset_meta = DATASETS.build(parts[0]).metainfo
    for i in range(len(both)):
        sample = both[i]
        truth = np.array(sample['keypoints'], float)
        moved = truth + (3 if i >= 2 else 0, 0)  # of 30 pixels
        metric.process(
            {},
            [
                dict(
                    sample,
                    input_size=(80, 80),
                    input_center=(40, 40),
                    input_scale=(80, 80),
                    gt_instances=dict(
                        keypoints=truth,
                        keypoints_visible=sample['keypoints_visible'],
                        bboxes=sample['bbox'],
                    ),
                    pred_instances=dict(keypoints=moved),
                )
            ],
        )
    assert metric.evaluate(size=len(both))['NME_pixels_e'] == pytest.approx(5)
    assert len(both) == 4 and len(metric.table.faces) == 4
