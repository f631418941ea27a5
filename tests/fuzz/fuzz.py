r"""Fuzz a file reader with atheris, a coverage-guided fuzzer.

    pip install atheris
    python tests/fuzz/fuzz.py pts --minutes 10

A reader must either read a file or raise a ValueError that names the file.
Any other error, a hang (20 seconds), an allocation of more than 3 GB, and a
crash of the process are findings. A finding is saved in the findings folder, and
the fuzzer continues. The fuzzer starts with the small files in
tests/fuzz_cases/TARGET, which include all earlier findings. Inputs that reach
new code are saved in work_dirs/fuzz/TARGET. Exit status: 1 if there are
findings.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import os.path as osp
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from typing import Any

from fuzz_targets import ROOT, TARGETS, Target

HANG, MEGABYTES = 20, 3072  # limits of seconds and of memory
# Modules whose coverage guides the fuzzer; all others are too large.
INSTRUMENTED = (
    'rcn_mmpose',
    'afw2coco',
    'mtfl2coco',
    'pycocotools.coco',
    'mmpose.datasets.datasets.base',
)


def mutate_json(content: bytes, limit: int, seed: int) -> bytes:
    """Change parts of a JSON file so that it stays valid JSON.

    Args:
        content (bytes): Content of the file; other content is not changed.
        limit (int): Maximum number of returned bytes.
        seed (int): Seed of the change.

    Returns:
        bytes: The changed content.
    """
    draw = random.Random(seed)
    try:
        tree = [json.loads(content)]
    except (ValueError, RecursionError):
        return content[:limit]
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        keys = node if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                visit(node[key])

    visit(tree)
    for _ in range(draw.randint(1, 3)):
        node, key = draw.choice(places)
        other, at = draw.choice(places)
        try:
            action = draw.randrange(4)
            if action == 0:
                node.pop(key)
            elif action == 1:
                node[key] = json.loads(json.dumps(other[at]))
            elif action == 2 and isinstance(node, list):
                node.insert(key, json.loads(json.dumps(node[key])))
            else:
                node[key] = draw.choice(ODD)
        except (LookupError, RecursionError):  # removed by an earlier change
            pass
    return json.dumps(tree[0] if tree else None).encode()[:limit]


ODD = (
    *(None, True, 0, 1, -1, 0.5, 1e39, float('nan'), float('inf'), 10**400),
    *('', 'a', '\0', '\ud800', 'a://b', '/', '../a', [], [0], [[]], {}),
)


def fuzz(name: str, folder: str, findings: str, arguments: list[str]) -> None:
    """Fuzz in this process until the time is over; never returns."""
    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        target = Target(name, tempfile.mkdtemp())
    seen: set[str] = set()

    def run(content: bytes) -> None:
        try:
            target(content)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = f'{type(error).__name__} {frames[-1][:3]}'
            if where not in seen:
                seen.add(where)
                keep(findings, content, traceback.format_exc())

    def mutate(content: bytes, limit: int, seed: int) -> bytes:
        if seed % 3 and content.lstrip().startswith(b'{'):
            return mutate_json(content, limit, seed)
        return atheris.Mutate(content, limit)

    atheris.Setup([sys.argv[0], *arguments], run, custom_mutator=mutate)
    atheris.Fuzz()


def keep(folder: str, content: bytes, text: str) -> None:
    """Save a finding and its traceback."""
    path = osp.join(folder, hashlib.sha256(content).hexdigest()[:12])
    with open(path, 'wb') as file:
        file.write(content)
    with open(f'{path}.txt', 'w', encoding='utf-8', errors='replace') as file:
        file.write(text)


def main(args: list[str]) -> int:
    """Run the fuzzer in a separate process; restart the process after a crash."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('target', choices=TARGETS)
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--out', default='work_dirs/fuzz')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--child', nargs='+', help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    corpus = osp.join(options.out, options.target)
    findings = osp.join(options.out, f'{options.target}_findings')
    if options.child:
        words = [word.replace('+', '-', 1) for word in options.child]
        fuzz(options.target, corpus, findings, words)
    for folder in (corpus, findings):
        os.makedirs(folder, exist_ok=True)
    cases = osp.join(ROOT, 'tests', 'fuzz_cases', options.target)
    begin, runs, crashes = time.monotonic(), 0, 0
    while (left := options.minutes * 60 - (time.monotonic() - begin)) > 1:
        words = [f'max_total_time={int(left)}', f'timeout={HANG}']
        words += [f'rss_limit_mb={MEGABYTES}', 'max_len=20000']
        words += [f'seed={options.seed + crashes}', 'print_final_stats=1']
        words += [f'artifact_prefix={findings}/']
        with tempfile.TemporaryDirectory() as place:
            child = subprocess.run(
                [sys.executable, osp.abspath(__file__), options.target]
                + ['--out', options.out, '--child']
                + [*(f'+{word}' for word in words), corpus, cases],
                text=True,
                errors='replace',
                stderr=subprocess.PIPE,
                env={**os.environ, 'TMPDIR': place},
            )
        done = re.findall(r'number_of_executed_units: (\d+)', child.stderr)
        runs += int(done[-1]) if done else 0
        if child.returncode:
            crashes += 1
            path = osp.join(findings, f'crash_{crashes}.txt')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(child.stderr[-20000:])
        if not done:
            print(child.stderr[-2000:], file=sys.stderr)
            break
    minutes = (time.monotonic() - begin) / 60
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = len([x for x in os.listdir(findings) if not x.endswith('.txt')])
    print(
        f'{options.target}: {minutes:.1f} minutes '
        f'({used.ru_utime + used.ru_stime:.0f} s of the processor), {runs:,} '
        f'inputs, {found} findings, {crashes} ended the process; {findings}'
    )
    return int(bool(found or crashes))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
