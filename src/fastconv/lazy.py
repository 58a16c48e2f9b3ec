"""Attributes that are worked out when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["lazy"]

Value = TypeVar("Value")


class lazy(Generic[Value]):
    """As `functools.cached_property`, without the lock that it has in Python 3.11.

    All instances share that lock, so one transpose would wait for another, and a child that is forked meanwhile for
    ever. Two threads that ask at once may both work the value out.

    Parameters
    ----------
    function : callable
        The method.
    """

    def __init__(self, function: Callable[[Any], Value]) -> None:
        self._function, self._name, self.__doc__ = function, function.__name__, function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._function(instance)
        return value
