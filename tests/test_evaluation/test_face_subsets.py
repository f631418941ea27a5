from __future__ import annotations

import logging
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from tested_face import META, TRUTH, build, evaluate, sample

from rcn_mmpose.registry import DATASETS


def faces(*names: str) -> list[dict]:
    """Three faces with errors of 0, 1 and 4 pixels."""
    return [
        sample(
            pred=[[x + move, y] for x, y in TRUTH],
            img_path=f'data/set/{name}',
            raw_ann_info=dict(attributes=dict(pose=pose)),
        )
        for name, pose, move in zip(names, (3, 3, 1), (0, 1, 4), strict=True)
    ]


THREE = ('a/1.png', 'a/2.png', 'b/1.png')


def percent(*moves: float) -> float:
    """The mean error in percent; the eyes are 40 pixels apart."""
    return pytest.approx(100 * sum(moves) / len(moves) / 40, rel=1e-5)


@pytest.mark.parametrize(
    ('rule', 'moves'),
    [
        (dict(path='*/a/*'), (0, 1)),
        (dict(path='data/set/?/1.png', count=2), (0, 4)),
        (dict(field='attributes.pose', values=[3]), (0, 1)),
        (dict(field='attributes.pose', values=[1, 2], count=1), (4,)),
    ],
)
def test_rules(rule: dict, moves: tuple) -> None:
    result = evaluate(faces(*THREE), face_subsets=dict(some=rule))
    assert result['NME_pixels_eye_points'] == percent(0, 1, 4)
    assert result['NME_pixels_eye_points_some'] == percent(*moves)
    failures = 100 * moves.count(4) / len(moves)  # 4 of 40 pixels
    assert result['FR8_pixels_eye_points_some'] == failures
    assert 'AUC10_pixels_box_some' in result


def test_list_of_images(tmp_path: Path) -> None:
    path = tmp_path / 'list.txt'
    path.write_text('a/2.png\n\n b\\1.png \n')
    result = evaluate(faces(*THREE), face_subsets=dict(listed=dict(file=str(path))))
    assert result['NME_pixels_eye_points_listed'] == percent(1, 4)
    # names must be whole: 1.png is in a and in b
    path.write_text('1.png')
    result = evaluate(faces(*THREE), face_subsets=dict(listed=dict(file=str(path))))
    assert result['NME_pixels_eye_points_listed'] == percent(0, 4)


def test_a_list_with_untested_images(tmp_path: Path) -> None:
    path = tmp_path / 'list.txt'
    path.write_text('a/2.png\n.png\n')
    with pytest.raises(ValueError, match=r"1 of 2 .* not tested, .*'.png'"):
        evaluate(faces(*THREE), face_subsets=dict(x=dict(file=str(path))))
    path.unlink()
    with pytest.raises(FileNotFoundError, match="list.txt' does not exist"):
        build(face_subsets=dict(x=dict(file=str(path))))


@pytest.mark.parametrize(
    ('rule', 'message'),
    [
        (
            dict(path='*/c/*'),
            r"\['x'\] matches no face of 3: no image fits '\*/c/\*', as "
            "'data/set/a/1.png' does not",
        ),
        (
            dict(field='attributes.pose', values=[7]),
            "no face has 'attributes.pose' in .7.; found: 1, 3; correct the rule",
        ),
        (dict(field='pose', values=[1]), "no face has 'pose' in .1.; found: None"),
        (dict(path='*', count=4), 'matches 3 faces, not 4'),
    ],
)
def test_subsets_that_match_no_face(rule: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(faces(*THREE), face_subsets=dict(x=rule))


@pytest.mark.parametrize(
    'rule', [8, 'a/*', dict(), dict(field='pose'), dict(path='*', file='x')]
)
def test_malformed_rules(rule: object) -> None:
    with pytest.raises(ValueError, match=r"\['x'\]=.*give dict.path=pattern"):
        build(face_subsets=dict(x=rule))


def test_subsets_of_the_dataset(caplog: pytest.LogCaptureFixture) -> None:
    """An incomplete subset is left out, or is an error if the arguments name it."""
    meta = dict(
        META,
        face_subsets=dict(
            frontal=dict(field='attributes.pose', values=[3], count=2),
            turned=dict(field='attributes.pose', values=[1, 2], count=9),
        ),
    )
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger.name):
        result = evaluate(faces(*THREE), meta=meta, detailed=True)
    logger.removeHandler(caplog.handler)
    assert result['NME_pixels_eye_points_frontal'] == percent(0, 1)
    assert not [name for name in result if name.endswith('_turned')]
    assert 'does not hold all of their faces: turned' in caplog.text
    assert not [name for name in evaluate(faces(*THREE), meta=meta) if 'front' in name]
    with pytest.raises(ValueError, match='matches 1 faces, not 9'):
        evaluate(faces(*THREE), meta=meta, face_subsets=['turned'])
    with pytest.raises(ValueError, match='has frontal, turned; give a list'):
        build(meta=meta, face_subsets=['profile'])


def test_a_part_of_300w_is_not_called_common() -> None:
    meta = DATASETS.build(
        dict(
            type='rcn_mmpose.W300Dataset',
            ann_file='none.json',
            lazy_init=True,
        )
    ).metainfo
    truth = [[float(i), i * i % 50] for i in range(68)]
    lfpw = [
        sample(truth, truth, raw_ann_info=dict(attributes=dict(part='LFPW test')))
        for _ in range(224)
    ]
    values = ['NME']
    names = evaluate(lfpw, meta=meta, detailed=True, values=values)
    assert 'NME_pixels_eye_centres_lfpw_test' in names
    assert 'NME_pixels_eye_centres_49_lfpw_test' in names
    assert not [name for name in names if 'common' in name]


def test_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / 'list.txt'
    path.write_text('\n')
    with pytest.raises(ValueError, match="list.txt' names no image"):
        evaluate([sample()], face_subsets=dict(mine=dict(file=str(path))))
