r"""Inject real faults into a training, and check how the training reacts.

    python tests/faults/fault_test.py all
    python tests/faults/fault_test.py full_disk rank --json faults.json

Each fault is injected into a separate training on about 60 synthetic faces. If the
fault loses data, the training must end within a minute, with one error that names the
reason, and its latest checkpoints must be complete. Otherwise the training must
continue. If the fault can be removed, the training is resumed afterwards; its weights
must then equal those of a training without a fault, bit for bit.

full_disk   no space for the third checkpoint
read_only   a work folder without write permission
full_cache  no space for the crop cache: the training runs without the cache
worker      a process that loads images is killed
image       an image is deleted
cached      an image is deleted while the cache is in use: the training continues
nan         the learning rate is so large that the loss overflows
rank        one of two processes is killed
two_runs    no fault: a second training has the same weights

Three faults mount folders with a limited size or without write permission, which
needs root. Without root the program skips these faults and prints their names. Exit
status: 1 if a check failed.
"""

from __future__ import annotations

import argparse
import json
import os
import os.path as osp
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from rcn_mmpose import compat

compat.activate()

import torch
from kill_test import (
    RENDER,
    ROOT,
    Job,
    copied,
    environment,
    jobs,
    run,
    tool,
    training,
)

from rcn_mmpose.environment.script import run_script

LIMIT = 60  # maximum number of seconds from the fault to the end
STRUCK = 2  # epochs before the fault


class Ended(NamedTuple):
    """Result of a training that has ended."""

    code: int
    seconds: float  # since the fault
    text: str  # output of the training


class Scene:
    """The folder and the failed checks of one fault.

    Args:
        folder (str): Folder for all files.
        faces (str): Folder of rendered faces.
        wanted (dict): Digests of the weights after a training without a fault.
    """

    def __init__(self, folder: str, faces: str, wanted: dict) -> None:
        self.folder = folder
        self.faces = faces
        self.wanted = wanted
        self.complaints: list[str] = []
        os.makedirs(folder)

    @property
    def work(self) -> str:
        """The work folder of the training."""
        return osp.join(self.folder, 'work')

    def strike(
        self,
        job: Job,
        fault: Callable[[int], None] | None = None,
        *more: str,
    ) -> Ended:
        """Train, inject a fault after ``STRUCK`` epochs, and wait for the end.

        Args:
            job (Job): The training.
            fault (Callable, optional): Injects the fault; receives the process id.
            more (str): Further KEY=VALUE options of the config.
        """
        log = osp.join(self.folder, 'log')
        with open(log, 'ab') as file:
            process = subprocess.Popen(
                [*job.command(self.folder), *more],
                stdout=file,
                stderr=file,
                env=environment(),
                start_new_session=True,
            )
        try:
            if fault is not None:
                last = osp.join(self.work, f'epoch_{STRUCK}.pth')
                while not osp.exists(last) and process.poll() is None:
                    time.sleep(0.01)
                fault(process.pid)
            begin = time.monotonic()
            code = process.wait(10 * LIMIT)
            seconds = time.monotonic() - begin
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        with open(log, encoding='utf-8', errors='replace') as file:
            return Ended(code, seconds, file.read())

    def expect(self, holds: bool, complaint: str) -> None:
        """Record a complaint if a condition is false."""
        if not holds:
            self.complaints.append(complaint)

    def failed_with(self, ended: Ended, *parts: str) -> None:
        """Expect an error that contains the parts, and complete checkpoints."""
        self.expect(ended.code != 0, 'it did not end with an error')
        self.expect(ended.seconds < LIMIT, f'it took {ended.seconds:.0f} s to end')
        errors = [x for x in ended.text.splitlines() if 'rror: ' in x]
        for part in parts:
            self.expect(
                any(part in line for line in errors),
                f'no error says {part!r}: {errors[-1:]}',
            )
        for name in os.listdir(self.work) if osp.isdir(self.work) else ():
            if name.endswith('.pth'):
                self.expect(whole(osp.join(self.work, name)), f'{name} is incomplete')

    def same_after(self, job: Job) -> None:
        """Resume; expect the weights of a training without a fault."""
        ended = self.strike(job)
        self.expect(ended.code == 0, f'the resumed run failed: {ended.text[-300:]}')
        if not ended.code:
            made = job.made(self.folder)
            different = [k for k, v in self.wanted.items() if made.get(k) != v]
            self.expect(not different, f'other weights: {different}')


def whole(path: str) -> bool:
    """Whether a checkpoint can be read."""
    try:
        torch.load(path)
    except Exception:  # the type depends on where the file is truncated
        return False
    return True


@contextmanager
def mounted(folder: str, options: str) -> Iterator[Callable[[str], None]]:
    """Mount a folder in memory; yield a function that changes the mount options."""

    def mount(*arguments: str) -> None:
        command = ['mount', *arguments, 'tmpfs', folder]
        subprocess.run(command, check=True, capture_output=True)

    os.makedirs(folder, exist_ok=True)
    mount('-t', 'tmpfs', '-o', options)
    try:
        yield lambda changed: mount('-o', f'remount,{changed}')
    finally:
        subprocess.run(['umount', '-l', folder], check=True)


def descendants(pid: int) -> list[int]:
    """List the child processes of a process, recursively."""
    path = f'/proc/{pid}/task/{pid}/children'
    try:
        with open(path, encoding='ascii') as file:
            children = [int(x) for x in file.read().split()]
    except FileNotFoundError:  # the process has ended
        return []
    return [x for child in children for x in (child, *descendants(child))]


def of_process(pid: int, name: str) -> bytes:
    """Read ``cmdline`` or ``environ`` of a process from /proc."""
    try:
        with open(f'/proc/{pid}/{name}', 'rb') as file:
            return file.read()
    except OSError:
        return b''


def kill_worker(pid: int) -> None:
    """Kill a process that loads images, which is a fork of the first process."""
    same = of_process(pid, 'cmdline')
    for child in descendants(pid):
        if of_process(child, 'cmdline') == same:
            os.kill(child, signal.SIGKILL)
            return


def kill_rank(pid: int) -> None:
    """Kill the second of two processes."""
    for child in descendants(pid):
        if b'\0RANK=1\0' in b'\0' + of_process(child, 'environ'):
            os.kill(child, signal.SIGKILL)
            return


def train(scene: Scene, *, cache: bool = False, own: bool = False) -> Job:
    """Return a training without or with the crop cache."""
    faces = scene.faces
    if own:  # a separate copy, because the fault deletes an image
        faces = copied(faces, osp.join(scene.folder, 'own'))
    config = osp.join(ROOT, 'configs', 'rcn_synthetic.py')
    return training(faces, *tool('train.py'), config, cache=cache)


def full_disk(scene: Scene) -> None:
    """Leave space for two checkpoints and the best checkpoint only."""
    job = train(scene)
    with mounted(scene.work, 'size=64m') as change:

        def fill(pid: int) -> None:
            free = shutil.disk_usage(scene.work).free
            # A checkpoint may use the remaining space in the meantime.
            with (
                suppress(OSError),
                open(osp.join(scene.work, 'filler'), 'wb') as file,
            ):
                file.write(bytes(max(free - (1 << 20), 0)))

        ended = scene.strike(job, fill)
        scene.failed_with(ended, 'No space left on device', '--resume')
        change('size=256m')
        scene.same_after(job)


def read_only(scene: Scene) -> None:
    """Make the work folder read-only from the start."""
    with mounted(scene.work, 'ro'):
        ended = scene.strike(train(scene))
        scene.failed_with(ended, scene.work)


def full_cache(scene: Scene) -> None:
    """Leave no space for the crop cache."""
    job = train(scene, cache=True)
    copied(scene.faces, osp.join(scene.folder, 'faces'))
    with mounted(osp.join(scene.folder, 'faces', 'cache'), 'size=64k'):
        ended = scene.strike(job)
    scene.expect(ended.code == 0, f'it failed: {ended.text[-300:]}')
    text = 'without the crop cache'
    scene.expect(text in ended.text, f'no message says {text!r}')


def worker(scene: Scene) -> None:
    """Kill a process that loads images."""
    job = train(scene)
    scene.failed_with(scene.strike(job, kill_worker), 'worker', '--resume')
    scene.same_after(job)


def image(scene: Scene) -> None:
    """Delete an image."""
    job = train(scene, own=True)
    folder = osp.join(scene.folder, 'own', 'images', 'train')
    path = osp.join(folder, min(os.listdir(folder)))

    def delete(pid: int) -> None:
        os.rename(path, f'{path}.away')

    scene.failed_with(scene.strike(job, delete), osp.basename(path))
    os.rename(f'{path}.away', path)
    scene.same_after(job)


def cached(scene: Scene) -> None:
    """Delete an image whose crop is in the cache."""
    job = train(scene, cache=True)
    folder = osp.join(scene.folder, 'faces', 'images', 'train')

    def delete(pid: int) -> None:
        os.unlink(osp.join(folder, min(os.listdir(folder))))

    ended = scene.strike(job, delete)
    scene.expect(ended.code == 0, f'it failed: {ended.text[-300:]}')


def nan(scene: Scene) -> None:
    """Make the loss overflow."""
    ended = scene.strike(train(scene), None, 'optim_wrapper.optimizer.lr=1e30')
    scene.failed_with(ended, 'not finite', 'images', '--resume')


def rank(scene: Scene) -> None:
    """Kill one of two processes."""
    job = jobs(scene.faces)['train_two']
    scene.failed_with(scene.strike(job, kill_rank), 'died first')
    ended = scene.strike(job)
    scene.expect(ended.code == 0, f'the resumed run failed: {ended.text[-300:]}')


def two_runs(scene: Scene) -> None:
    """Train a second time without a fault."""
    scene.same_after(train(scene))


FAULTS = {
    fault.__name__: fault
    for fault in (
        full_disk,
        read_only,
        full_cache,
        worker,
        image,
        cached,
        nan,
        rank,
        two_runs,
    )
}
MOUNTING = ('full_disk', 'read_only', 'full_cache')


def main(args: list[str]) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('faults', nargs='+', choices=[*FAULTS, 'all'], help='faults')
    parser.add_argument(
        '--times', type=int, default=1, help='trainings per fault (default: 1)'
    )
    parser.add_argument('--json', help='JSON file for the results')
    options = parser.parse_args(args)
    if options.times < 1:
        parser.error(f'--times {options.times}: give 1 or more')
    names = FAULTS if 'all' in options.faults else options.faults
    results: dict[str, list | str] = {}
    with tempfile.TemporaryDirectory() as folder:
        faces = osp.join(folder, 'faces')
        render = [*tool('render_faces.py'), '--out', faces, *RENDER]
        run(render, osp.join(folder, 'render.log'))
        calm = Scene(osp.join(folder, 'calm'), faces, {})
        job = train(calm)
        run(job.command(calm.folder), osp.join(folder, 'calm.log'))
        wanted = job.made(calm.folder)
        for name in names:
            if name in MOUNTING and os.geteuid() != 0:
                results[name] = 'skipped: needs root'
                print(f'{name}: skipped, mounting a folder needs root')
                continue
            results[name] = []
            for i in range(options.times):
                scene = Scene(osp.join(folder, f'{name}_{i}'), faces, wanted)
                FAULTS[name](scene)
                results[name].append(scene.complaints)
                found = '; '.join(scene.complaints) or 'passed'
                print(f'{name}: {found}', flush=True)
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as file:
            json.dump(results, file, indent=1)
    wrong = [x for x in results.values() if not isinstance(x, str) and any(x)]
    return int(bool(wrong))


if __name__ == '__main__':
    run_script(main, sys.argv[1:], errors=(subprocess.CalledProcessError,))
