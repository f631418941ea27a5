r"""Kill long jobs at random times, and check that the results stay the same.

    python tests/faults/kill_test.py train --times 20
    python tests/faults/kill_test.py all --times 20 --json killed.json

First the program runs a job without a kill. Then it runs the job in another folder,
kills it (SIGKILL, with all its processes) after a random time and restarts it, until
the requested number of kills. Whenever the job reaches its end, its results are
compared with those of the first run.

render     tools/render_faces.py, two workers: all files
convert    .pts files to a COCO json: the json
cache      training with --device-data, without a cache at the start: the cache
           and the weights
train      training with the per-sample transforms, two workers: the weights of
           the last epoch, bit for bit
train_two  the same as train, in two processes

The jobs use about 70 synthetic faces. Exit status: 1 if a result differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import os.path as osp
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from glob import glob
from typing import NamedTuple

from rcn_mmpose import compat

compat.activate()

import torch

from rcn_mmpose.environment.script import run_script

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
EPOCHS = 6
RENDER = '--train 60 --val 6 --test 6 --workers 2'.split()


class Job(NamedTuple):
    """A job that runs for a long time.

    Attributes:
        command (Callable): Returns the command for a folder.
        made (Callable): Returns digests of the results in a folder.
    """

    command: Callable[[str], list[str]]
    made: Callable[[str], dict[str, str]]


def tool(name: str) -> list[str]:
    """Return the first words of the command of a tool."""
    return [sys.executable, osp.join(ROOT, 'tools', name)]


def digest(content: bytes) -> str:
    """Return a short digest of bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def copied(source: str, place: str) -> str:
    """Copy a folder unless the copy exists; return the path of the copy."""
    if not osp.exists(place):
        shutil.copytree(source, place)
    return place


def files(pattern: str) -> Callable[[str], dict[str, str]]:
    """Return a function that computes digests of the files in a folder."""

    def made(folder: str) -> dict[str, str]:
        found = {}
        for path in sorted(glob(osp.join(folder, pattern), recursive=True)):
            if osp.isfile(path):
                with open(path, 'rb') as file:  # some contain the folder name
                    content = file.read().replace(folder.encode(), b'')
                found[osp.relpath(path, folder)] = digest(content)
        return found

    return made


def weights(folder: str) -> dict[str, str]:
    """Return digests of the weights of the last epoch."""
    checkpoint = torch.load(osp.join(folder, 'work', f'epoch_{EPOCHS}.pth'))
    return {
        name: digest(value.numpy().tobytes())
        for name, value in checkpoint['state_dict'].items()
    }


def training(faces: str, *begin: str, cache: bool = False) -> Job:
    """Return a training on rendered faces."""
    config = osp.join(ROOT, 'configs', 'rcn_synthetic.py')

    def command(folder: str) -> list[str]:
        options = [
            f'train_cfg.max_epochs={EPOCHS}',
            'train_cfg.val_interval=1',
        ]
        root = faces
        if cache:  # a separate copy, which gets the cache
            root = copied(faces, osp.join(folder, 'faces'))
        for part in ('train', 'val', 'test'):
            options.append(f'{part}_dataloader.dataset.data_root={root}/')
        more = ['--resume', '--work-dir', osp.join(folder, 'work')]
        if cache:
            more.append('--device-data')
        return [*begin, *more, '--cfg-options', *options]

    def made(folder: str) -> dict[str, str]:
        # The name of a cache depends on the path and the time of its images.
        cached = files('faces/cache/**/*.npy')(folder) if cache else {}
        return {
            **weights(folder),
            **{osp.basename(path): made for path, made in cached.items()},
        }

    begin = [part.replace('CONFIG', config) for part in begin]
    return Job(command, made)


def jobs(faces: str) -> dict[str, Job]:
    """Return the jobs by name, on rendered faces."""
    train = [*tool('train.py'), 'CONFIG']
    two = ['bash', osp.join(ROOT, 'tools', 'dist_train.sh'), 'CONFIG', '2']
    return {
        'render': Job(
            lambda folder: [
                *tool('render_faces.py'),
                *('--out', osp.join(folder, 'out')),
                *RENDER,
            ],
            files('out/[ai]*/**/*'),
        ),
        'convert': Job(
            lambda folder: [
                *tool('dataset_converters/pts2coco.py'),
                copied(osp.join(faces, 'pts'), osp.join(folder, 'pts')),
                *('--flip-pairs', '36-45', '--eyes', '36', '45'),
            ],
            files('pts/annotations/*'),
        ),
        'cache': training(faces, *train, cache=True),
        'train': training(faces, *train),
        'train_two': training(faces, *two),
    }


def environment() -> dict[str, str]:
    """Return the environment variables of a job."""
    # tools/dist_train.sh uses the first Python on the PATH: this one.
    path = osp.dirname(sys.executable) + os.pathsep + os.environ['PATH']
    own = dict(OMP_NUM_THREADS='1', PYTHONPATH=ROOT, PATH=path)
    return {**os.environ, **own}


def run(command: list[str], log: str, seconds: float | None = None) -> bool:
    """Run a command, and kill it after a number of seconds.

    Returns:
        bool: Whether the command reached its end.
    """
    with open(log, 'ab') as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=file,
            env=environment(),
            start_new_session=True,
        )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    if process.returncode:
        with open(log, encoding='utf-8', errors='replace') as file:
            last = file.read().strip().splitlines()[-1:]
        raise ValueError(f'the job failed without a kill: {" ".join(last)} (see {log})')
    return True


def torment(job: Job, folder: str, times: int, chance: random.Random) -> dict:
    """Kill a job several times, and compare the results at each end of the job.

    Returns:
        dict: ``kills``, ``ends``, ``different`` (names of the results that differ)
        and ``seconds`` of the run without a kill.
    """
    calm = osp.join(folder, 'calm')
    os.makedirs(calm)
    begin = time.monotonic()
    run(job.command(calm), osp.join(folder, 'calm.log'))
    seconds = time.monotonic() - begin
    wanted = job.made(calm)
    kills = ends = 0
    different: list[str] = []  # one name per difference
    while kills < times or not ends:
        torn = osp.join(folder, f'torn_{ends}')
        os.makedirs(torn, exist_ok=True)
        limit = chance.uniform(0, seconds) if kills < times else None
        if run(job.command(torn), f'{torn}.log', limit):
            made = job.made(torn)
            names = sorted(wanted.keys() | made.keys())
            different += [n for n in names if wanted.get(n) != made.get(n)]
            ends += 1
            shutil.rmtree(torn)
        else:
            kills += 1
        print(f'\r  killed {kills} times, ended {ends} times', end='')
    print()
    return dict(kills=kills, ends=ends, different=different, seconds=round(seconds, 1))


def main(args: list[str]) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('job', choices=[*jobs(''), 'all'], help='job to run')
    parser.add_argument('--times', type=int, default=20, help='kills (default: 20)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the times')
    parser.add_argument('--json', help='JSON file for the results')
    options = parser.parse_args(args)
    if options.times < 1:
        parser.error(f'--times {options.times}: give 1 or more')
    chance = random.Random(options.seed)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        faces = osp.join(folder, 'faces')
        render = [*tool('render_faces.py'), '--out', faces, *RENDER]
        run(render, osp.join(folder, 'render.log'))
        write_pts(faces)
        chosen = jobs(faces)
        for name in chosen if options.job == 'all' else [options.job]:
            print(f'{name}:')
            result = torment(
                chosen[name], osp.join(folder, name), options.times, chance
            )
            results[name] = result
            print(
                f'  without a kill {result["seconds"]} s; '
                + (
                    f'different: {", ".join(sorted(set(different)))}'
                    if (different := result['different'])
                    else 'always the same'
                )
            )
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as file:
            json.dump(results, file, indent=1)
    return int(any(result['different'] for result in results.values()))


def write_pts(faces: str) -> None:
    """Write the faces of the training split as .pts files."""
    path = osp.join(faces, 'annotations', 'train_68.json')
    with open(path, encoding='utf-8') as file:
        content = json.load(file)
    names = {image['id']: image['file_name'] for image in content['images']}
    os.makedirs(osp.join(faces, 'pts'))
    for face in content['annotations']:
        name = names[face['image_id']]
        image = osp.join(faces, 'images', 'train', name)
        shutil.copy(image, osp.join(faces, 'pts'))
        points = zip(face['keypoints'][::3], face['keypoints'][1::3], strict=True)
        lines = [f'{x + 1} {y + 1}' for x, y in points]
        stem = osp.splitext(osp.basename(name))[0]
        with open(osp.join(faces, 'pts', f'{stem}.pts'), 'w', encoding='utf-8') as file:
            head = f'version: 1\nn_points: {len(lines)}\n'
            file.write(head + '{\n' + '\n'.join(lines) + '\n}\n')


if __name__ == '__main__':
    run_script(main, sys.argv[1:])
