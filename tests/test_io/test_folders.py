"""Folders with links, loops, and parts that cannot be read; patterns."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest

from rcn_mmpose.io.folders import find_files, find_matches, is_image


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders a and b, links between them, and a link to a folder elsewhere."""
    for name in ('D/1.png', 'D/a/2.JPG', 'D/b/c/3.png', 'D/.hidden/4.png', 'E/5.png'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for link, target in (
        ('D/0', 'b'),  # its name comes first
        ('D/a/loop', '..'),
        ('D/b/up', '../..'),  # holds D itself
        ('D/e', '../E'),
        ('E/back', '../D/a'),
        ('D/self', 'self'),
        ('D/lost', 'nowhere'),
        ('D/.#lock', 'somebody'),
        ('D/6.png', '1.png'),
    ):
        (tmp_path / link).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_links_are_followed_and_loops_end(tree: Path) -> None:
    found = find_files('D')
    assert found.files == [
        *('D/.#lock', 'D/1.png', 'D/6.png', 'D/.hidden/4.png', 'D/a/2.JPG'),
        *('D/b/c/3.png', 'D/e/5.png'),
    ]
    assert found.repeated == ['D/0', 'D/a/loop', 'D/b/up', 'D/e/back']
    assert found.unread == [
        ('D/lost', "the link to 'nowhere' cannot be followed."),
        ('D/self', "the link to 'self' cannot be followed."),
    ]
    flat = find_files('D', recursive=False)
    assert flat.files == ['D/.#lock', 'D/1.png', 'D/6.png']
    assert flat.folders == ['D/.hidden', 'D/0', 'D/a', 'D/b', 'D/e']
    assert not flat.repeated
    # A link as the folder itself is searched, whatever it leads to.
    assert find_files('D/b/up').files[0] == 'D/b/up/D/.#lock'


def test_two_links_of_each_other_end(tmp_path: Path) -> None:
    for name in ('a', 'b'):
        (tmp_path / 'D' / name).mkdir(parents=True)
        (tmp_path / 'D' / name / f'{name}.png').touch()
        for i in range(12):  # 24 factorial paths
            target = tmp_path / 'D' / 'ab'.replace(name, '')
            (tmp_path / 'D' / name / f'link{i}').symlink_to(target)
    found = find_files(str(tmp_path / 'D'))
    assert len(found.files) == 2 and len(found.repeated) == 24


def test_an_unreadable_folder_is_named(tmp_path: Path) -> None:
    """As another user, where root may read all folders."""
    (tmp_path / 'D' / 'closed').mkdir(parents=True)
    (tmp_path / 'D' / '1.png').touch()
    (tmp_path / 'D' / 'closed').chmod(0)
    tmp_path.chmod(0o755)
    try:
        if os.access(tmp_path / 'D' / 'closed', os.R_OK):
            pytest.skip('This user can read all folders.')
        found = find_files(str(tmp_path / 'D'))
    finally:
        (tmp_path / 'D' / 'closed').chmod(0o755)
    assert len(found.files) == 1
    ((path, reason),) = found.unread
    assert path == str(tmp_path / 'D' / 'closed')
    assert reason == 'the folder cannot be read: Permission denied.'


def test_an_unreadable_folder_is_named_for_root_too(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def closed(path: str) -> object:
        if os.path.basename(path) == 'c':
            raise PermissionError(13, 'Permission denied', path)
        return real(path)

    monkeypatch.setattr(os, 'scandir', closed)
    reason = 'the folder cannot be read: Permission denied.'
    assert ('D/b/c', reason) in find_files('D').unread
    assert ('D/b/c', reason) in find_matches('D/**/*.png').unread


def test_patterns(tree: Path) -> None:
    def files(pattern: str) -> list[str]:
        return find_matches(pattern).files

    assert files('D/*.png') == ['D/1.png', 'D/6.png']
    assert files('D/**/*.png') == [*('D/1.png', 'D/6.png', 'D/b/c/3.png', 'D/e/5.png')]
    assert files('**/[25].*') == ['D/a/2.JPG', 'E/5.png']
    assert files('./D/**/2.*') == files('./D//**/2.*') == ['./D/a/2.JPG']
    assert files('D/**/c/*') == files('D/*/c/**') == ['D/b/c/3.png']
    assert files('D/.*/*.png') == files('D/**/.hidden/*') == ['D/.hidden/4.png']
    whole = str(tree / 'D' / 'a' / '2.JPG')
    assert files(f'{tree}/**/a/*.JPG') == files(f'{tree}/D/[a]/2*') == [whole]
    assert find_matches('D/**/c').folders == ['D/b/c']
    assert files('D/**') == [f for f in find_files('D').files if '/.' not in f]


def test_a_pattern_gives_what_the_standard_library_gives(tmp_path: Path) -> None:
    """Without links, where the standard library has no fault."""
    for name in ('a.png', 'b/c.png', 'b/d/e.png', 'b/.f/g.png', '.h.png', 'i[1]/j.png'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for pattern in ('**/*.png', '**/b/**/*.png', '**/b/**', '*', '?/*', '**/**/e.*'):
        found = find_matches(f'{tmp_path}/{pattern}')
        known = glob.glob(f'{tmp_path}/{pattern}', recursive=True)
        expected = {os.path.normpath(path) for path in known}
        assert {*found.files, *found.folders} == expected, pattern


def test_the_beginning_that_exists_is_no_pattern(tmp_path: Path) -> None:
    for name in ('D[1]/a.png', 'D1/b.png'):
        path = tmp_path / name
        path.parent.mkdir()
        path.touch()
    assert find_matches(f'{tmp_path}/D[1]/*.png').files == [f'{tmp_path}/D[1]/a.png']
    assert find_matches(f'{tmp_path}/D[1]/**').files == [f'{tmp_path}/D[1]/a.png']
    assert find_matches(f'{tmp_path}/D[!x]/*.png').files == [f'{tmp_path}/D1/b.png']


def test_endings_of_images() -> None:
    assert is_image('a.JPG') and is_image('a.b.Tiff') and not is_image('a.jpg.txt')
