"""The same digits, however many processes test the faces."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch.distributed
import torch.multiprocessing
from mmengine.dataset import DefaultSampler
from mmengine.dist import is_main_process
from tested_face import TRUTH, build, evaluate, metainfo, random_samples, sample

from rcn_mmpose.evaluation.error_file import read_errors
from rcn_mmpose.evaluation.paired_bootstrap import common_errors

META = metainfo(
    5,
    normalisers=dict(eye_points=((0,), (1,))),
    face_subsets=dict(odd=dict(path='*[13579].png')),
)
FACES = random_samples(7)


def test_in_one_process() -> None:
    whole = evaluate(FACES, meta=META, detailed=True)
    for size in (1, 2, 3):
        batches = [FACES[i : i + size] for i in range(0, 7, size)]
        assert evaluate(*batches, meta=META, detailed=True) == whole
    assert len(whole) == 2 * 20 + 10


def work(
    rank: int,
    world_size: int,
    folder: Path,
    choose: Callable[[int, int], list[int]],
    batch_size: int,
    options: dict,
) -> None:
    """Run one of several processes."""
    os.chdir(folder)  # for .dist_test
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo',
        init_method=f'file://{folder}/meeting',
        rank=rank,
        world_size=world_size,
    )
    metric = build(META, detailed=True, **options)
    mine = [FACES[i] for i in choose(rank, world_size)]
    for i in range(0, len(mine), batch_size):
        metric.process({}, mine[i : i + batch_size])
    try:
        outcome = metric.evaluate(size=len(FACES))
    except ValueError as error:
        outcome = str(error)
    (folder / f'{rank}.pkl').write_bytes(pickle.dumps((is_main_process(), outcome)))
    torch.distributed.destroy_process_group()


def run(
    folder: Path,
    world_size: int,
    choose: Callable[[int, int], list[int]],
    batch_size: int = 2,
    **options: object,
) -> list:
    """Test in several processes and return the result of each process."""
    folder.mkdir()
    torch.multiprocessing.start_processes(
        work,
        (world_size, folder, choose, batch_size, options),
        nprocs=world_size,
        start_method='fork',  # keeps the imported modules
    )
    found = [
        pickle.loads((folder / f'{rank}.pkl').read_bytes())
        for rank in range(world_size)
    ]
    assert [main for main, _ in found] == [True] + [False] * (world_size - 1)
    return [outcome for _, outcome in found]


def sampler(**options: object) -> Callable[[int, int], list[int]]:
    """Choose faces as the sampler of MMEngine does."""
    return lambda rank, world_size: list(DefaultSampler(FACES, seed=0, **options))


def in_a_row(rank: int, world_size: int) -> list[int]:
    """Choose consecutive faces, and fill up with the first faces."""
    count = -(-len(FACES) // world_size)
    places = range(rank * count, (rank + 1) * count)
    return [place % len(FACES) for place in places]


@pytest.mark.parametrize(
    ('world_size', 'choose', 'batch_size'),
    [
        (2, sampler(shuffle=False, round_up=True), 3),
        (2, sampler(shuffle=False, round_up=False), 1),
        (3, sampler(shuffle=True, round_up=True), 2),
        # interleaving and truncating to 7 results would lose faces
        (2, in_a_row, 2),
        (3, in_a_row, 7),
    ],
)
def test_in_several_processes(
    tmp_path: Path, world_size: int, choose: Callable, batch_size: int
) -> None:
    path = tmp_path / 'one.csv'
    whole = evaluate(FACES, meta=META, detailed=True, out_file=str(path))
    outcomes = run(
        tmp_path / 'run', world_size, choose, batch_size, out_file='./all.csv'
    )
    assert outcomes == [whole] * world_size
    written = list((tmp_path / 'run').rglob('*.csv'))
    assert [file.name for file in written] == ['all.csv']
    assert written[0].read_bytes() == path.read_bytes()


def test_collected_without_files(tmp_path: Path) -> None:
    whole = evaluate(FACES, meta=META, detailed=True)
    outcomes = run(tmp_path / 'run', 2, in_a_row, collect_device='gpu')
    assert outcomes == [whole] * 2


def test_errors_reach_every_process(tmp_path: Path) -> None:
    """Otherwise the other processes would wait forever."""
    outcomes = run(
        tmp_path / 'run',
        2,
        sampler(shuffle=False),
        face_subsets=dict(none=dict(path='elsewhere')),
    )
    for message in outcomes:
        assert "['none'] matches no face of 7" in message


def test_duplicate_ids() -> None:
    # two annotations of one image
    other = [[61.0, 80.0], [100.0, 80.0], [81.0, 110.5]]
    with pytest.raises(ValueError, match='id 1 belongs to two faces of .*face.png'):
        evaluate([sample(id=1), sample(other, id=1)])
    with pytest.raises(ValueError, match=r"metainfo=dict\(dataset_name='...'\)"):
        evaluate([sample(id=1), sample(other, id=1)])
    # a duplicate annotation in one dataset
    face = sample()
    with pytest.raises(ValueError, match='3 results are of 2 faces, but .* 3'):
        evaluate([face, sample(), face])
    # the same id in two datasets
    faces = [sample(id=1), sample(id=1, dataset_name='second')]
    assert evaluate(faces)['NME_pixels_eye_points'] == 0


def test_two_files_of_one_dataset_count_from_1(tmp_path: Path) -> None:
    """Faces of two files that are tested together, whose ids are equal."""
    path = tmp_path / 'errors.csv'
    moved = [*TRUTH[:2], [81.0, 116.5]]
    faces = [sample(id=1, img_path='a/1.png'), sample(moved, id=1, img_path='b/1.png')]
    # One of three keypoints of the second face is 6 pixels away, of 40: 5 percent.
    assert evaluate(faces, out_file=str(path))['NME_pixels_eye_points'] == 2.5
    file = read_errors(str(path))
    assert file.faces == [('1', 'a/1.png'), ('1', 'b/1.png')]
    (errors,) = common_errors([file], 'NME_pixels_eye_points')
    np.testing.assert_allclose(errors, (0, 5))


def test_without_an_id() -> None:
    face = sample()
    del face['id']
    with pytest.raises(ValueError, match="no id, .*add 'id' to the meta_keys"):
        evaluate([face])


def test_results_are_cleared_after_an_epoch() -> None:
    metric = build(META)
    metric.process({}, FACES[:3])
    first = metric.evaluate(size=3)
    metric.process({}, FACES[:3])
    assert metric.evaluate(size=3) == first
