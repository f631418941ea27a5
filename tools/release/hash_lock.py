"""Write requirements/hashes.txt: the lock with the hashes of all files.

    python tools/release/hash_lock.py INDEX

reads the versions of requirements/lock.txt, asks the package index for the SHA-256 of
each wheel of Python 3.10, 3.11 and 3.12, and writes both. pip then installs no file
whose content has changed (``--require-hashes``). torch is left out: its build for the
CPU, which ``TORCH_OPTIONS`` may name, comes from another index.
"""

import argparse
import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename
from rich.progress import track

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.io.atomic import write_whole

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / 'requirements' / 'lock.txt'
HASHED = ROOT / 'requirements' / 'hashes.txt'
SIMPLE = 'application/vnd.pypi.simple.v1+json'
INTERPRETERS = ('cp310', 'cp311', 'cp312')
HEAD = """\
# The versions of lock.txt with the hashes of their wheels, without torch.
# Written by: python tools/release/hash_lock.py INDEX
"""


def requirements(path: Path) -> Iterator[Requirement]:
    """Yield the requirements of the lock, without torch."""
    for line in path.read_text(encoding='utf-8').splitlines():
        if line and not line.startswith('#'):
            requirement = Requirement(line)
            if requirement.name != 'torch':
                yield requirement


def fits(name: str, version: str) -> bool:
    """Whether a file is a wheel of this version that the tested Pythons can use."""
    if not name.endswith('.whl'):
        return False
    _, found, _, tags = parse_wheel_filename(name)
    return str(found) == version and any(
        tag.interpreter in ('py3', 'py2.py3', *INTERPRETERS)
        or (tag.abi == 'abi3' and re.fullmatch(r'cp3\d?', tag.interpreter))
        for tag in tags
    )


def hashes(index: str, requirement: Requirement) -> list[str]:
    """Return the sorted SHA-256 of the wheels of a requirement.

    Raises:
        ValueError: If the index has no wheel of this version.
    """
    (pin,) = requirement.specifier
    request = urllib.request.Request(
        f'{index.rstrip("/")}/{requirement.name}/', headers=dict(Accept=SIMPLE)
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)['files']
    found = {f['hashes']['sha256'] for f in files if fits(f['filename'], pin.version)}
    if not found:
        raise ValueError(f'the index has no wheel of {requirement}.')
    return sorted(found)


def main(arguments: list[str] | None = None) -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'index', help='address of the simple index, for example of `pip config list`'
    )
    args = parser.parse_args(arguments)
    lines = [HEAD]
    for requirement in track(list(requirements(LOCK)), 'hashes'):
        parts = [str(requirement)]
        parts += [f'--hash=sha256:{value}' for value in hashes(args.index, requirement)]
        lines.append(' \\\n    '.join(parts) + '\n')
    write_whole(str(HASHED), ''.join(lines).encode())
    print(f'{HASHED.name}: {len(lines) - 1} packages')
    return 0


if __name__ == '__main__':
    sys.exit(run_script(main))
