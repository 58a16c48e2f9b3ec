"""Writing the integer tables that kernels read back as records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["Table"]


class Table:
    """Records first, at places known when compiling, then lists of any length that the records point to.

    Parameters
    ----------
    records : tuple of named tuple classes
        What the table begins with.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Head(NamedTuple):
    ...     count: int
    ...     at: int
    >>> table = Table((Head,))
    >>> at = table.append([7, 8, 9])
    >>> table.finish([Head(3, at)]).tolist()
    [3, 2, 7, 8, 9]
    """

    def __init__(self, records: tuple[type, ...]) -> None:
        self._head = sum(len(record._fields) for record in records)  # type: ignore[attr-defined, misc]
        self._end = self._head
        self._lists: list[np.ndarray] = []

    def append(self, values: Sequence[int] | np.ndarray) -> int:
        """Add a list; returns where it begins."""
        at = self._end
        self._lists.append(np.asarray(values, np.int64))
        self._end += len(values)
        return at

    def append_records(self, records: Iterable[Iterable[int]]) -> int:
        """Add a list of records; returns where it begins."""
        return self.append([value for record in records for value in record])

    def finish(self, records: Iterable[Iterable[int]]) -> np.ndarray:
        """The table, as int64."""
        head = [value for record in records for value in record]
        assert len(head) == self._head, "the records are those the table was made for"
        return np.concatenate([np.array(head, np.int64), *self._lists])
