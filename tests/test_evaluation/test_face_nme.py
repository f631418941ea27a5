from __future__ import annotations

import logging
import math

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.logging import MMLogger
from mmpose.registry import TRANSFORMS
from tested_face import (
    META,
    TRUTH,
    build,
    evaluate,
    metainfo,
    random_samples,
    sample,
)

from rcn_mmpose.evaluation.measures import VALUES
from rcn_mmpose.geometry.keypoints import GROUPS_68, NORMALISERS_68, REGIONS_68
from rcn_mmpose.registry import DATASETS

# TRUTH in the crop is (20, 30), (40, 30), (30.5, 45.25). Its cells are (20, 30),
# (40, 30), (31, 45): a half rounds up.
FACE = sample(
    pred=[[63.0, 84.0], [100.0, 80.0], [81.0, 108.5]],
    cells=[[21, 30], [40, 32], [31, 45]],
)
PIXELS = 100 * (5 + 0 + 2) / 3 / 40  # the eyes are 40 pixels apart
CELLS = 100 * (1 + 2 + 0) / 3 / 20  # and 20 crop pixels
BOX = math.sqrt(40 * 30.5)  # around TRUTH, in pixels


def test_both_protocols_by_hand() -> None:
    result = evaluate([FACE])
    assert result['NME_pixels_eye_points'] == pytest.approx(PIXELS)
    assert result['NME_cells_eye_points'] == pytest.approx(CELLS)
    assert result['NME_pixels_box'] == pytest.approx(PIXELS * 40 / BOX)
    assert result['NME_cells_box'] == pytest.approx(CELLS * 40 / BOX)


def test_the_names_and_their_order() -> None:
    assert list(evaluate([FACE])) == [
        f'{value}_{protocol}_{normaliser}'
        for value in ('NME', 'AUC8', 'AUC10', 'FR8', 'FR10')
        for normaliser in ('eye_points', 'box')
        for protocol in ('pixels', 'cells')
    ]
    chosen = evaluate([FACE], normalisers=['box'], values=['FR7'])
    assert list(chosen) == ['FR7_pixels_box', 'FR7_cells_box']
    assert list(evaluate([FACE], prefix='set'))[0] == ('set/NME_pixels_eye_points')
    assert all(type(value) is float for value in evaluate([FACE]).values())


def test_auc_and_failure_rate_by_hand() -> None:
    # all keypoints move by the same distance; the eyes are 40 pixels apart
    errors = [0, 5, 8, 9, 30]  # percent
    faces = [sample(pred=[[x + 0.4 * e, y] for x, y in TRUTH]) for e in errors]
    result = evaluate(faces, normalisers=['eye_points'])
    approx = pytest.approx
    assert result['NME_pixels_eye_points'] == approx(52 / 5, rel=1e-6)
    # each face below the limit adds a block of width (limit - error)
    assert result['AUC8_pixels_eye_points'] == approx(100 * (8 + 3) / (5 * 8), rel=1e-5)
    assert result['AUC10_pixels_eye_points'] == approx(
        100 * (10 + 5 + 2 + 1) / (5 * 10), rel=1e-5
    )
    assert result['FR10_pixels_eye_points'] == 20
    values = evaluate(faces, values=['FR6', 'FR9', 'FR29', 'FR31'])
    # 0.4 * 9 differs from 3.6 in float32, so no limit is 9
    assert [values[f'FR{n}_pixels_eye_points'] for n in (6, 29, 31)] == [
        60,
        20,
        0,
    ]


def test_mean_over_faces_not_keypoints() -> None:
    # one keypoint of the second face counts, off by (3, 4): 5 of 40 pixels
    second = sample(
        pred=[[63.0, 84.0], [0.0, 0.0], [0.0, 0.0]],
        cells=[[23, 34], [0, 0], [0, 0]],
        visible=[1, 0, 0],
    )
    result = evaluate([FACE, second], normalisers=['eye_points'])
    assert result['NME_pixels_eye_points'] == pytest.approx((PIXELS + 100 * 5 / 40) / 2)
    assert result['NME_cells_eye_points'] == pytest.approx((CELLS + 100 * 5 / 20) / 2)


def test_the_box_covers_labelled_keypoints() -> None:
    truth = [*TRUTH, [500.0, 500.0]]
    face = sample(truth, [[63.0, 84.0], *truth[1:]], visible=[1, 1, 1, 0])
    result = evaluate([face], meta=metainfo(4))
    assert result['NME_pixels_box'] == pytest.approx(100 * 5 / 3 / BOX)


def test_normalisers_of_68_points() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(40, 160, (68, 2))
    # the outer corners are 90 apart, the midpoints of the eyes 60
    truth[[36, 39, 42, 45]] = [(55, 80), (85, 80), (115, 80), (145, 80)]
    pred = truth.copy()
    pred[10] += (0, 6)  # of the contour
    pred[60] += (3, 4)  # an inner corner of the mouth
    pred[50] += (8, 0)  # the upper lip
    meta = metainfo(
        68,
        normalisers=NORMALISERS_68,
        keypoint_groups=GROUPS_68,
        keypoint_regions=REGIONS_68,
    )
    face = sample(truth.tolist(), pred.tolist())
    result = evaluate([face], meta=meta, detailed=True)
    width, height = np.ptp(truth.astype(np.float32), 0)
    approx = {
        name: pytest.approx(value, rel=1e-5)
        for name, value in {
            'NME_pixels_eye_centres': 100 * 19 / 68 / 60,
            'NME_pixels_outer_corners': 100 * 19 / 68 / 90,
            'NME_pixels_box': 100 * 19 / 68 / math.sqrt(width * height),
            'NME_pixels_eye_centres_49': 100 * 8 / 49 / 60,
            'NME_pixels_outer_corners_49': 100 * 8 / 49 / 90,
            'NME_pixels_eye_centres_contour': 100 * 6 / 17 / 60,
            'NME_pixels_eye_centres_brows': 0,
            'NME_pixels_eye_centres_mouth': 100 * 13 / 20 / 60,
            'NME_pixels_eye_centres_kpt-50': 100 * 8 / 60,
            'FR10_pixels_eye_centres_49': 0,
        }.items()
    }
    assert {name: result[name] for name in approx} == approx
    assert list(result)[0] == 'NME_pixels_eye_centres'
    # without details, groups are measured if the arguments name them
    assert 'NME_pixels_box_49' not in evaluate([face], meta=meta)
    assert 'NME_pixels_box_49' in evaluate([face], meta=meta, keypoint_groups=['49'])


def test_the_49_points() -> None:
    # Table 4 of the paper; counted from 1: all but 1 to 17, 61 and 65
    assert len(GROUPS_68['49']) == 49
    dropped = {i + 1 for i in range(68)} - {i + 1 for i in GROUPS_68['49']}
    assert dropped == {*range(1, 18), 61, 65}
    assert sorted(sum(REGIONS_68.values(), ())) == list(range(68))


def test_arguments_add_to_the_dataset() -> None:
    result = evaluate(
        [FACE],
        normalisers=dict(nose_to_eye=((0, 1), (2,))),
        keypoint_groups=dict(right=[1, 2]),
        values=['NME'],
    )
    assert list(result)[::2] == [
        'NME_pixels_nose_to_eye',
        'NME_pixels_eye_points',
        'NME_pixels_box',
        'NME_pixels_nose_to_eye_right',
        'NME_pixels_eye_points_right',
        'NME_pixels_box_right',
    ]
    # the length from (80, 80) to (81, 110.5)
    assert result['NME_pixels_nose_to_eye_right'] == pytest.approx(
        100 * 1 / math.hypot(1, 30.5)
    )


def test_each_keypoint() -> None:
    result = evaluate([FACE], detailed=True)
    assert result['NME_pixels_eye_points_kpt-0'] == pytest.approx(12.5)
    assert result['NME_cells_eye_points_kpt-0'] == pytest.approx(5)
    assert result['NME_pixels_eye_points_kpt-1'] == 0
    assert result['NME_cells_eye_points_kpt-1'] == pytest.approx(10)
    hidden = sample(visible=[1, 1, 0])
    assert 'NME_pixels_eye_points_kpt-2' not in evaluate([hidden], detailed=True)


def test_the_result_does_not_depend_on_batches() -> None:
    faces = random_samples(7, keypoints=3)
    whole = evaluate(faces)
    assert evaluate(faces[:3], faces[3:5], faces[5:]) == whole
    assert evaluate(faces[::-1]) == whole
    # brute force
    total = 0.0
    for face in faces:
        truth = face['gt_instances']['keypoints'][0]
        pred = face['pred_instances']['keypoints'][0]
        unit = math.dist(truth[0], truth[1])
        total += sum(map(math.dist, truth, pred)) / 3 / unit
    assert whole['NME_pixels_eye_points'] == pytest.approx(100 * total / 7)


def test_keypoints_are_not_clipped_at_the_border() -> None:
    """Keypoints outside the crop are not clipped; by hand.

    The crop ends at x = 179; the true keypoint at 240 is cell 110 of 80, the
    predictions end at 79. The 2016 code would move them to each other.
    """
    truth = [[60.0, 80.0], [100.0, 80.0], [240.0, 80.0]]
    pred = [[60.0, 80.0], [100.0, 80.0], [178.0, 80.0]]
    face = sample(truth, pred, cells=[[20, 30], [40, 30], [79, 30]])
    result = evaluate([face], normalisers=['eye_points'])
    assert result['NME_pixels_eye_points'] == pytest.approx(100 * (240 - 178) / 3 / 40)
    assert result['NME_cells_eye_points'] == pytest.approx(100 * (110 - 79) / 3 / 20)
    # predictions outside the crop are not clipped either
    far = sample(pred=[[60.0, 80.0], [100.0, 80.0], [81.0, -89.5]])
    assert evaluate([far], normalisers=['eye_points'])[
        'NME_pixels_eye_points'
    ] == pytest.approx(100 * 200 / 3 / 40)


def test_keypoints_are_not_clipped_in_the_pipeline(tmp_path) -> None:
    """The test pipeline does not change the true keypoints."""
    path = str(tmp_path / 'face.png')
    cv2.imwrite(path, np.zeros((50, 60, 3), np.uint8))
    truth = np.array([[[10, 20], [70, 20], [30, -5]]], np.float32)
    pipeline = [
        dict(type='rcn_mmpose.LoadGreyImage'),
        dict(type='rcn_mmpose.FaceBox'),
        dict(type='rcn_mmpose.CropFace', input_size=(80, 80)),
        dict(type='mmpose.PackPoseInputs'),
    ]
    packed = Compose([TRANSFORMS.build(step) for step in pipeline])(
        dict(
            img_path=path,
            id=1,
            dataset_name='toy',
            bbox=np.array([[5, 5, 45, 45]], np.float32),
            bbox_score=np.ones(1, np.float32),
            keypoints=truth,
            keypoints_visible=np.ones((1, 3), np.float32),
        )
    )['data_samples'].to_dict()
    # (10, 20) is cell (10, 30); the other keypoints are cells (130, 30) and
    # (50, -20), predicted on the border
    cells = [[10, 30], [79, 30], [50, 0]]
    packed['pred_instances'] = dict(
        keypoints=np.array([[[10, 20], [44.5, 20], [30, 5]]]),
        keypoint_cells=np.array([cells]),
    )
    result = evaluate([packed], normalisers=['eye_points'])
    assert result['NME_pixels_eye_points'] == pytest.approx(100 * (25.5 + 10) / 3 / 60)
    assert result['NME_cells_eye_points'] == pytest.approx(100 * (51 + 20) / 3 / 120)


def test_score_maps_coarser_than_the_crop() -> None:
    result = evaluate([sample()], normalisers=['eye_points'])
    assert result == dict(
        NME_pixels_eye_points=0,
        AUC8_pixels_eye_points=100,
        AUC10_pixels_eye_points=100,
        FR8_pixels_eye_points=0,
        FR10_pixels_eye_points=0,
    )


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The records of MMEngine's log."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger.name):
        yield caplog
    logger.removeHandler(caplog.handler)


def test_the_log_names_the_number_of_faces(log: pytest.LogCaptureFixture) -> None:
    evaluate([FACE], meta=dict(META, faces_listed=5, list_name='a part'))
    assert 'toy (a part): evaluated 1 of 5 faces listed' in log.text


def test_the_log_warns_of_untested_faces(
    log: pytest.LogCaptureFixture,
) -> None:
    metric = build()
    metric.process({}, [FACE])
    metric.evaluate(size=3)
    assert '2 of 3 faces of the dataset were not tested' in log.text


def test_the_log_has_no_warning_if_all_faces_are_tested(
    log: pytest.LogCaptureFixture,
) -> None:
    evaluate([FACE], meta=dict(META, list_name=''))
    assert 'not tested' not in log.text
    assert 'toy (unnamed list): evaluated 1 of 1 faces listed' in log.text


def test_the_table_in_the_log(log: pytest.LogCaptureFixture) -> None:
    evaluate([FACE])
    assert 'kpt-0' not in log.text
    evaluate([FACE], detailed=True)
    lines = [line.split() for line in log.text.splitlines()]
    head = lines.index('faces keypoints normaliser protocol'.split() + [*VALUES])
    assert lines[head + 1][:5] == ['all', 'all', 'eye_points', 'pixels', '5.83']
    assert lines[head + 2][:2] == ['cells', '5.00']
    assert 'kpt-0' not in log.text  # single keypoints are not listed


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(normalisers=['pupils']), 'has eye_points, box; give a list'),
        (dict(normalisers=dict(a=((0,), (3,)))), 'has 3, but there are 3 keypoints'),
        (dict(normalisers=dict(a=((0,), (-1,)))), 'keypoints from 0 to 2'),
        (dict(normalisers=dict(a=(0, 1))), 'a.*=0: give different keypoints'),
        (dict(normalisers=dict(a=((0,),))), 'give two groups of keypoints'),
        (dict(normalisers=dict(a=((0,), ()))), 'at least one'),
        (dict(normalisers=dict(box=((0,), (1,)))), 'give this normaliser another name'),
        (dict(keypoint_groups=dict(x=[0, 99])), 'groups..x.. has 99, but'),
        (dict(keypoint_groups=dict(x=[1, 1])), 'has 1 twice'),
        (dict(keypoint_groups=dict(x=['a'])), "has 'a', but there are 3 keypoints"),
        (dict(keypoint_groups=['49']), 'this dataset has none'),
        (dict(keypoint_groups={'a/b': [0]}), "name 'a/b': use letters"),
        (dict(values=['PCK']), "value 'PCK': choose NME, or AUC or FR"),
        (dict(values=['AUC0']), "value 'AUC0'"),
        (dict(values=['NME', 'NME']), "called 'NME_pixels_eye_points'"),
        (
            dict(keypoint_groups={'kpt-0': [0]}, detailed=True),
            "2 values would be called 'NME_pixels_eye_points_kpt-0'",
        ),
    ],
)
def test_arguments_that_do_not_fit(options: dict, message: str) -> None:
    """Each gives one clear error before the test."""
    with pytest.raises(ValueError, match=message):
        build(**options)


@pytest.mark.parametrize(
    ('face', 'message'),
    [
        (
            sample([[60.0, 80.0]] * 2 + [[0.0, 9.0]]),
            "'data/face.png': both ends of 'eye_points' lie at .60.0, 80.0",
        ),
        (
            sample([[0.0, 0.0], *TRUTH[1:]], visible=[0, 1, 1]),
            "keypoint 0, needed for 'eye_points', is not labelled",
        ),
        (sample(visible=[0, 0, 0]), 'nothing is visible'),
        (sample([*TRUTH, [1.0, 2.0]]), '4 true and 3 predicted .* has 3'),
        (sample(pred=TRUTH[:2]), '3 true and 2 predicted .* has 3'),
        (sample(pred=[[math.nan, 0.0]] * 3), 'predicted .* are not finite'),
        (sample([[math.inf, 0.0], *TRUTH[1:]]), 'true .* are not finite'),
    ],
)
def test_faces_that_cannot_be_measured(face: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate([face])


def test_a_face_without_a_box(log: pytest.LogCaptureFixture) -> None:
    line = [[60.0, 80.0], [70.0, 80.0], [80.0, 80.0]]
    flat = sample(line, line)
    result = evaluate([flat, FACE])
    assert result['NME_pixels_eye_points'] == pytest.approx(PIXELS / 2)
    assert result['NME_pixels_box'] == pytest.approx(PIXELS * 40 / BOX)
    assert '1 of 2 faces have no box' in log.text
    assert 'NME_pixels_box' not in evaluate([flat])


def test_an_unlabelled_eye_with_a_known_position() -> None:
    face = sample(pred=[[0.0, 0.0], *TRUTH[1:]], visible=[0, 1, 1])
    assert evaluate([face])['NME_pixels_eye_points'] == 0


def test_the_box_is_the_normaliser_without_eyes() -> None:
    result = evaluate([FACE], meta=metainfo())
    assert list(result)[0] == 'NME_pixels_box'


@pytest.mark.parametrize(
    'name', ['MTFLDataset', 'AFLW5Dataset', 'AFWDataset', 'W300Dataset']
)
def test_every_dataset_can_be_tested(name: str) -> None:
    meta = DATASETS.build(
        dict(type=f'rcn_mmpose.{name}', ann_file='none.json', lazy_init=True)
    ).metainfo
    keypoints = meta['num_keypoints']
    (face,) = random_samples(1, keypoints=keypoints)
    result = evaluate([face], meta=meta, detailed=True)
    main = 'eye_points' if keypoints == 5 else 'eye_centres'
    assert list(result)[0] == f'NME_pixels_{main}'
    normalisers = 2 if keypoints == 5 else 3
    # 68 keypoints: all and 49, 5 values each; then regions and keypoints
    groups, regions = (1, 0) if keypoints == 5 else (2, 5)
    assert len(result) == 2 * (5 * normalisers * groups + regions + keypoints)
