"""The tables of the paper: rows, columns, test sets and printed numbers.

They stand in configs/paper/tables.yml, which says what its entries mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mmengine.fileio import load

SYNTHETIC = 'synthetic'


class TestSet(NamedTuple):
    """Faces to test on.

    Attributes:
        name (str): Its name.
        keypoints (int): K of the models that are tested on it.
        options (dict): What it changes of a config, by dotted key.
    """

    __test__ = False  # no test of pytest's

    name: str
    keypoints: int
    options: dict[str, str]


class Column(NamedTuple):
    """One number of a row.

    Attributes:
        name (str): Its name.
        title (str): Its head in the table.
        test (str): The test set; ``'synthetic'`` stands for whichever.
        subset (str): Of its faces; empty for all.
        count (int | None): How many faces there must be.
    """

    name: str
    title: str
    test: str
    subset: str = ''
    count: int | None = None


class Row(NamedTuple):
    """One line.

    Attributes:
        name (str): As the paper calls it.
        config (str): Name of the config, without ``.py``.
        paper (dict): The paper's errors in percent, by column.
        keypoints (str): Name of a set of keypoints; empty for all.
    """

    name: str
    config: str
    paper: dict[str, float]
    keypoints: str = ''


class Table(NamedTuple):
    """A table of the paper.

    Attributes:
        name (str): As on the command line.
        title (str): Its heading.
        columns (list[Column]): Of numbers.
        rows (list[Row]): In the paper's order.
        curves (list[str]): Configs whose convergence is drawn.
        note (str): What a reader must know.
    """

    name: str
    title: str
    columns: list[Column]
    rows: list[Row]
    curves: list[str]
    note: str

    def on_synthetic_faces(self) -> Table:
        """Return the table with one column, of synthetic test faces.

        Their lists name no sets of keypoints: rows of some fall out.
        """
        column = Column(SYNTHETIC, 'synthetic faces', SYNTHETIC)
        rows = [row for row in self.rows if not row.keypoints]
        return self._replace(columns=[column], rows=rows)

    def choose(self, configs: Iterable[str]) -> list[str]:
        """List configs of the table, each once, in the order of its rows.

        Args:
            configs (Iterable[str]): Names, with or without ``.py``; none for
                all.

        Raises:
            ValueError: If one is in no row.
        """
        there = list(dict.fromkeys(row.config for row in self.rows))
        wanted = {name.removesuffix('.py') for name in configs}
        unknown = sorted(wanted.difference(there))
        if unknown:
            raise ValueError(
                f'{self.name} has no row {unknown[0]!r}; its rows are '
                f'{", ".join(there)}.'
            )
        return [name for name in there if not wanted or name in wanted]


class Tables(NamedTuple):
    """All of them.

    Attributes:
        tables (dict[str, Table]): By name.
        tests (list[TestSet]): The test sets.
        joint (dict): By a config that is not trained those it is made of:
            whose checkpoint is tested, and whose is its denoiser.
    """

    tables: dict[str, Table]
    tests: list[TestSet]
    joint: dict[str, Sequence[str]]

    def choose(self, name: str) -> list[Table]:
        """Find a table by its name, or all by ``'all'``.

        Raises:
            ValueError: If there is none.
        """
        if name == 'all':
            return list(self.tables.values())
        if name not in self.tables:
            raise ValueError(
                f'unknown table {name!r}: choose one of '
                f'{", ".join(self.tables)}, or all.'
            )
        return [self.tables[name]]

    def tests_of(self, keypoints: int) -> list[TestSet]:
        """List the test sets for models of that many keypoints."""
        return [test for test in self.tests if test.keypoints == keypoints]


def load_tables(path: str) -> Tables:
    """Read the tables.

    Args:
        path (str): configs/paper/tables.yml.

    Returns:
        Tables: All of them.
    """
    content = load(path)
    columns = {
        name: Column(name, **entry) for name, entry in content['columns'].items()
    }
    return Tables(
        {
            name: Table(
                name,
                entry['title'],
                [columns[column] for column in entry['columns']],
                [Row(**{'paper': {}, **row}) for row in entry['rows']],
                entry.get('curves', []),
                entry.get('note', ''),
            )
            for name, entry in content['tables'].items()
        },
        [
            TestSet(name, entry['keypoints'], entry.get('options', {}))
            for name, entry in content['tests'].items()
        ],
        content['joint'],
    )
