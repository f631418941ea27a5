"""The renderer is deterministic; geometry, visibility and ranges are right."""

import multiprocessing
import os

import cv2
import numpy as np
import pytest

from rcn_mmpose.geometry.boxes import box_from_eyes_and_mouth
from rcn_mmpose.geometry.keypoints import five_from_68
from rcn_mmpose.synthetic import child, render_face
from rcn_mmpose.synthetic.camera import PITCH, ROLL, YAW, draw_pose, rotation
from rcn_mmpose.synthetic.scene import draw_scene
from rcn_mmpose.synthetic.streams import Stream, Streams

FRONTAL = (0.0, 0.0, 0.0)
MIRROR_5 = [1, 0, 2, 4, 3]


def _jpeg(seed):
    return render_face(seed).jpeg


@pytest.fixture(scope='module')
def frontal():
    return render_face(0, pose=FRONTAL, plain=True)


@pytest.fixture(scope='module')
def scenes():
    """Random scenes without images, because rendering is slow."""
    return [draw_scene(Streams(seed), 160) for seed in range(60)]


def test_same_seed_same_bytes() -> None:
    first = render_face(7)
    render_face(8)
    again = render_face(7)
    assert first.jpeg == again.jpeg
    assert (first.image == again.image).all()
    assert (first.keypoints == again.keypoints).all()
    assert (first.visible == again.visible).all()
    assert first.attributes == again.attributes
    assert first.jpeg != render_face(8).jpeg


def test_another_process_gives_the_same_bytes(monkeypatch) -> None:
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        there = pool.map(_jpeg, [11, 12])
    assert there == [_jpeg(11), _jpeg(12)]


def test_threads_do_not_change_the_bytes() -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = _jpeg(5)
        cv2.setNumThreads(2)
        assert one == _jpeg(5)
    finally:
        cv2.setNumThreads(before)


def test_a_seed_sequence_is_not_changed() -> None:
    seed = np.random.SeedSequence(3)
    assert _jpeg(seed) == _jpeg(seed)
    assert seed.n_children_spawned == 0


def test_an_int_equals_its_seed_sequence() -> None:
    assert _jpeg(3) == _jpeg(np.random.SeedSequence(3))


def test_children_are_deterministic_and_distinct() -> None:
    root = np.random.SeedSequence(3)
    states = {
        tuple(child(root, i, j).generate_state(4)) for i in range(3) for j in range(10)
    }
    assert len(states) == 30
    one, same = child(child(root, 1), 2), child(root, 1, 2)
    assert (one.generate_state(4) == same.generate_state(4)).all()


@pytest.mark.parametrize('size', [64, 160])
def test_shapes_and_types_of_the_result(size) -> None:
    face = render_face(1, size)
    assert face.image.shape == (size, size, 3)
    assert face.image.dtype == np.uint8
    decoded = cv2.imdecode(np.frombuffer(face.jpeg, np.uint8), 1)
    assert (face.image == decoded).all()
    assert face.keypoints.shape == (68, 2)
    assert face.visible.shape == (68,) and face.visible.dtype == bool
    assert face.five.shape == (5, 2) and face.five_visible.shape == (5,)
    assert np.isfinite(face.keypoints).all()


def test_size_below_32_raises() -> None:
    with pytest.raises(ValueError, match='32 or more'):
        render_face(0, 16)


def test_five_follow_from_the_68() -> None:
    face = render_face(2)
    expected = [
        face.keypoints[36:42].mean(0),
        face.keypoints[42:48].mean(0),
        face.keypoints[30],
        face.keypoints[48],
        face.keypoints[54],
    ]
    np.testing.assert_allclose(face.five, expected)
    np.testing.assert_allclose(five_from_68(face.keypoints), expected)


def test_order_of_an_upright_face(frontal) -> None:
    k = frontal.keypoints
    assert (np.diff(k[:17, 0]) > 0).all()
    assert k[8, 1] == k[:17, 1].max()
    for group in (k[17:27], k[31:36], k[48:55], k[60:65]):
        assert (np.diff(group[:, 0]) > 0).all()
    assert (np.diff(k[27:31, 1]) > 0).all()
    assert k[17:27, 1].max() < k[36:48, 1].min()
    assert k[36:48, 1].max() < k[30, 1] < k[33, 1] < k[51, 1] < k[57, 1]
    assert k[57, 1] < k[8, 1]
    for start in (36, 42):
        eye = k[start : start + 6]
        assert eye[0, 0] == eye[:, 0].min() and eye[3, 0] == eye[:, 0].max()
        assert (eye[1:3, 1] < eye[4:, 1]).all()


def test_a_plain_frontal_face_is_symmetric(frontal) -> None:
    axis = 2 * frontal.five[2, 0]
    mirrored = frontal.five[MIRROR_5] * (-1, 1) + (axis, 0)
    np.testing.assert_allclose(mirrored, frontal.five, atol=0.02)
    contour = frontal.keypoints[:17][::-1] * (-1, 1) + (axis, 0)
    np.testing.assert_allclose(contour, frontal.keypoints[:17], atol=0.02)


def test_the_keypoints_lie_on_the_painted_features(frontal) -> None:
    grey = frontal.image.mean(2)

    def at(point):
        x, y = np.round(point).astype(int)
        return grey[y - 1 : y + 2, x - 1 : x + 2].mean()

    eye_to_eye = frontal.five[1, 0] - frontal.five[0, 0]
    cheeks = [at(frontal.five[k] + (0, 0.42 * eye_to_eye)) for k in (0, 1)]
    for k in (0, 1):
        assert at(frontal.five[k]) < 0.55 * cheeks[k]  # pupil and iris
        brow = frontal.keypoints[17 + 5 * k : 22 + 5 * k]
        assert at(brow[2]) < 0.85 * cheeks[k]
    mouth = frontal.keypoints[[62, 66]].mean(0)
    assert at(mouth) < 0.8 * min(cheeks)
    # The tip is the brightest part of the lower half of the nose.
    assert at(frontal.five[2]) > at(frontal.keypoints[33])


def test_the_head_turns_the_right_way(frontal) -> None:
    def tip(pose):
        five = render_face(0, pose=pose, plain=True).five
        offset = five[2] - five[:2].mean(0)
        return offset / np.linalg.norm(five[1] - five[0])

    straight = tip(FRONTAL)
    assert abs(straight[0]) < 0.01
    assert tip((30, 0, 0))[0] > 0.25
    assert tip((-30, 0, 0))[0] < -0.25
    assert tip((0, 20, 0))[1] > straight[1] + 0.1
    assert tip((0, -20, 0))[1] < straight[1] - 0.1
    tilted = render_face(0, pose=(0, 0, 20), plain=True).five
    line = tilted[1] - tilted[0]
    assert np.degrees(np.arctan2(line[1], line[0])) == pytest.approx(20, abs=1)


def test_rotation_is_orthogonal() -> None:
    turn = rotation(40, -20, 10)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_all_features_of_a_frontal_face_are_visible(frontal) -> None:
    assert frontal.visible[17:].all()
    assert frontal.five_visible.all()


@pytest.mark.parametrize('side', [-1, 1])
def test_a_turned_head_hides_its_far_side(side) -> None:
    face = render_face(0, pose=(45.0 * side, 0.0, 0.0), plain=True)
    # The nose points to the far side.
    far, near = (range(9, 17), range(0, 8))
    if side < 0:
        far, near = [16 - k for k in far], [16 - k for k in near]
    assert not face.visible[list(far)[2:]].any()
    assert face.visible[list(near)].all()
    near_eye = slice(36, 42) if side > 0 else slice(42, 48)
    assert face.visible[near_eye].all()


def test_an_occluder_hides_what_it_covers(monkeypatch) -> None:
    from rcn_mmpose.synthetic import render

    open_face = render_face(4, pose=FRONTAL)

    def cover_left(rng, canvas, face, chance):
        mask = np.zeros(canvas.shape[:2], np.float32)
        mask[:, : int(face.anchors[30, 0])] = 1
        canvas[mask > 0] = 0
        return mask

    monkeypatch.setattr(render, 'draw_occluders', cover_left)
    face = render_face(4, pose=FRONTAL)
    left = face.keypoints[:, 0] < face.keypoints[30, 0] - 2
    assert (face.keypoints == open_face.keypoints).all()
    assert not face.visible[left].any()
    assert face.visible[~left].any()
    assert not face.five_visible[[0, 3]].any()


def test_poses_fill_their_ranges() -> None:
    rng = np.random.default_rng(0)
    poses = np.array([draw_pose(rng) for _ in range(3000)])
    limits = np.array([YAW, PITCH, ROLL])
    assert limits.tolist() == [45, 25, 30]
    assert (np.abs(poses) <= limits).all()
    assert (np.abs(poses).max(0) > 0.97 * limits).all()
    assert (np.abs(poses.mean(0)) < 0.05 * limits).all()


def test_the_crop_lies_inside_the_image(scenes) -> None:
    for scene in scenes:
        flat = scene.camera.project(scene.points)[:, :2]
        five = five_from_68(flat)
        x1, y1, x2, y2 = box_from_eyes_and_mouth(five, (10**6, 10**6))
        x1, y1, x2, y2 = np.array((x1, y1, x2, y2))
        # The box rule shifts boxes at a border; here no border is near.
        side = x2 - x1
        assert 160 / 1.76 <= side <= 160 / 1.29
        box = box_from_eyes_and_mouth(five, (160, 160))
        assert box[2] - box[0] == pytest.approx(side)
        middle = (box[:2] + box[2:]) / 2
        assert (middle - 0.59 * side > -1).all()
        assert (middle + 0.59 * side < 161).all()


def test_keypoints_lie_on_the_surface(scenes) -> None:
    for scene in scenes:
        x, y, z = scene.points.T.astype(np.float32)[:, None]
        field = scene.head.signed(x, y, z, bare=True)
        assert np.abs(field).max() < 0.05 or (field <= 0.05).all()


def test_faces_differ(scenes) -> None:
    assert len({scene.cover.kind for scene in scenes}) >= 4
    assert any(scene.glasses for scene in scenes)
    assert any(scene.look.beard for scene in scenes)
    smiles = [scene.doing.smile for scene in scenes]
    assert min(smiles) < 0 and max(smiles) > 0.7


def test_package_imports_only_numpy_and_opencv() -> None:
    import rcn_mmpose.synthetic as package

    folder = os.path.dirname(package.__file__)
    for name in os.listdir(folder):
        if name.endswith('.py'):
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                text = file.read()
            for other in ('scipy', 'torch', 'urllib', 'requests', 'PIL'):
                assert f'import {other}' not in text
                assert f'from {other}' not in text


def test_rendering_needs_no_mmpose(fresh, tmp_path) -> None:
    code = (
        'import sys\n'
        'import rcn_mmpose.synthetic.face_set\n'
        "print([m for m in ('torch', 'mmpose', 'mmengine', 'scipy')"
        ' if m in sys.modules])'
    )
    assert fresh('-c', code, cwd=tmp_path).stdout.strip() == '[]'


def test_stream_numbers_are_fixed() -> None:
    """Another number would render other faces from the same seed."""
    assert [(stream.name, stream.value) for stream in Stream] == [
        ('POSE', 0),
        ('IDENTITY', 1),
        ('EXPRESSION', 2),
        ('SKIN_AND_COVER', 3),
        ('LOOK', 4),
        ('CAMERA', 5),
        ('LIGHT', 6),
        ('GLASSES', 7),
        ('CLOTHES', 8),
        ('RELIEF', 9),
        ('PAINT', 10),
        ('SURROUNDINGS', 11),
        ('REFLECTIONS', 12),
        ('OCCLUDERS', 13),
        ('CAMERA_FAULTS', 14),
        ('JPEG', 20),
    ]
