"""The tables of the paper: rows, columns, test sets and printed numbers.

The tables are read from configs/paper/tables.yml, whose comments describe the
entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mmengine.fileio import load

SYNTHETIC = 'synthetic'


class FaceTestSet(NamedTuple):
    """A test set.

    Attributes:
        name (str): Name of the test set.
        keypoints (int): K of the models that are tested on it.
        options (dict): Changes of a config by dotted key.
    """

    name: str
    keypoints: int
    options: dict[str, str]


@dataclass(frozen=True)
class Column:
    """A column: the error on a test set or on one of its subsets.

    Attributes:
        name (str): Name of the column.
        title (str): Head of the column in the table.
        test (str): Name of the test set; ``'synthetic'`` for synthetic faces.
        subset (str): Subset of the test set; empty for all faces.
        count (int | None): Required number of tested faces.
    """

    name: str
    title: str
    test: str
    subset: str = ''
    count: int | None = None


class TableRow(NamedTuple):
    """A row: one network of the paper.

    Attributes:
        name (str): Name in the paper.
        config (str): Name of the config, without ``.py``.
        paper (dict): The paper's errors in percent by column.
        keypoints (str): Name of a subset of the keypoints; empty for all.
    """

    name: str
    config: str
    paper: dict[str, float]
    keypoints: str = ''


class Table(NamedTuple):
    """A table of the paper.

    Attributes:
        name (str): Name on the command line.
        title (str): Heading.
        columns (list[Column]): Columns of errors.
        rows (list[TableRow]): Rows in the paper's order.
        curves (list[str]): Configs whose convergence curve is drawn.
        note (str): Text below the table.
    """

    name: str
    title: str
    columns: list[Column]
    rows: list[TableRow]
    curves: list[str]
    note: str

    def on_synthetic_faces(self) -> Table:
        """Return the table with one column, the error on synthetic faces.

        Synthetic face lists define no subsets of keypoints, so rows with a
        subset are dropped.
        """
        column = Column(SYNTHETIC, 'synthetic faces', SYNTHETIC)
        rows = [row for row in self.rows if not row.keypoints]
        return self._replace(columns=[column], rows=rows)

    def choose(self, configs: Iterable[str]) -> list[str]:
        """List configs of the table without duplicates, in the rows' order.

        Args:
            configs (Iterable[str]): Names, with or without ``.py``; empty for
                all.

        Raises:
            ValueError: If a name is in no row.
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
    """All tables and test sets.

    Attributes:
        tables (dict[str, Table]): Tables by name.
        tests (list[FaceTestSet]): The test sets.
        joint (dict): Trained configs by the name of a joint config, which is
            not trained: first the config whose checkpoint is tested, then the
            config of the denoiser, if there is one.
    """

    tables: dict[str, Table]
    tests: list[FaceTestSet]
    joint: dict[str, Sequence[str]]

    def choose(self, name: str) -> list[Table]:
        """Return the table with a name, or all tables for ``'all'``.

        Raises:
            ValueError: If no table has the name.
        """
        if name == 'all':
            return list(self.tables.values())
        if name not in self.tables:
            raise ValueError(
                f'unknown table {name!r}: choose one of '
                f'{", ".join(self.tables)}, or all.'
            )
        return [self.tables[name]]

    def tests_of(self, keypoints: int) -> list[FaceTestSet]:
        """List the test sets for models with a number of keypoints."""
        return [test for test in self.tests if test.keypoints == keypoints]


def load_tables(path: str) -> Tables:
    """Read the tables.

    Args:
        path (str): Path of configs/paper/tables.yml.

    Returns:
        Tables: All tables.
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
                [TableRow(**{'paper': {}, **row}) for row in entry['rows']],
                entry.get('curves', []),
                entry.get('note', ''),
            )
            for name, entry in content['tables'].items()
        },
        [
            FaceTestSet(name, entry['keypoints'], entry.get('options', {}))
            for name, entry in content['tests'].items()
        ],
        content['joint'],
    )
