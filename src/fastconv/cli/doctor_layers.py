"""Numba's threading layers: which of them work here, and which one Numba would choose.

fastconv shares its work out to threads of its own and enters none of them. They matter to a user's own parallel
functions, and to whether those get along with forks and with several Python threads.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Layers", "choice", "layers"]

_MODULES = {
    "tbb": "numba.np.ufunc.tbbpool",
    "omp": "numba.np.ufunc.omppool",
    "workqueue": "numba.np.ufunc.workqueue",
}

#: What Numba tries, in turn, where a property is asked for instead of a layer.
_WITH_PROPERTY = {
    "safe": ("tbb",),
    "threadsafe": ("tbb", "omp"),
    "forksafe": ("tbb", "workqueue") if sys.platform == "linux" else ("tbb", "omp", "workqueue"),
}


@dataclass(frozen=True)
class Layers:
    """Numba's threading layers.

    Attributes
    ----------
    used_by_fastconv : bool
        Whether fastconv's own parallel work depends on them.
    running : str or None
        The layer that Numba has started in this process, if any.
    choice : str or None
        The layer that Numba would start; None if none would do.
    reason : str
        Why that one.
    troubles : dict of str to (str or None)
        For each layer, what keeps it from being loaded here; None for those that can be.
    """

    used_by_fastconv: bool
    running: str | None
    choice: str | None
    reason: str
    troubles: dict[str, str | None]


def layers() -> Layers:
    """Look at Numba's threading layers. Loads those that can be loaded, and with them their libraries."""
    from numba import config

    wanted, priority = str(config.THREADING_LAYER).lower(), list(config.THREADING_LAYER_PRIORITY)
    troubles = {name: _trouble(name) for name in _MODULES}
    chosen, reason = choice(wanted, priority, troubles)
    return Layers(False, _running(), chosen, reason, troubles)


def choice(wanted: str, priority: Sequence[str], troubles: Mapping[str, str | None]) -> tuple[str | None, str]:
    """Which layer Numba starts, and why.

    Parameters
    ----------
    wanted : str
        NUMBA_THREADING_LAYER: a layer, a property that it should have, or "default".
    priority : sequence of str
        NUMBA_THREADING_LAYER_PRIORITY.
    troubles : mapping of str to (str or None)
        For each layer, what keeps it from being loaded.

    Examples
    --------
    >>> choice("default", ["tbb", "omp", "workqueue"], {"tbb": "it is missing", "omp": None, "workqueue": None})
    ('omp', 'it is the first of tbb, omp, workqueue that can be loaded')
    """
    if sorted(priority) != sorted(troubles):
        return None, f"NUMBA_THREADING_LAYER_PRIORITY has to name {', '.join(troubles)}, in any order"
    if wanted in troubles:
        asked = f"NUMBA_THREADING_LAYER asks for {wanted}"
        return (wanted, asked) if troubles[wanted] is None else (None, f"{asked}, which cannot be loaded")
    candidates = priority if wanted == "default" else _WITH_PROPERTY.get(wanted)
    if candidates is None:
        return None, f"NUMBA_THREADING_LAYER is {wanted!r}, which Numba does not know"
    found = next((name for name in candidates if troubles[name] is None), None)
    names = ", ".join(candidates)
    for_what = "" if wanted == "default" else f", as NUMBA_THREADING_LAYER asks for a {wanted} one"
    if found is None:
        return None, f"none of {names} can be loaded{for_what}"
    return found, f"it is the first of {names} that can be loaded{for_what}"


def _trouble(name: str) -> str | None:
    """What keeps a layer from being loaded, in the words of whoever refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if name == "tbb":  # Numba looks at the library's version first
                from numba.np.ufunc.parallel import _check_tbb_version_compatible

                _check_tbb_version_compatible()
            importlib.import_module(_MODULES[name])
    except ImportError as error:
        return str(error).removeprefix("Problem with TBB. Reason: ")
    return None


def _running() -> str | None:
    import numba

    try:
        return str(numba.threading_layer())
    except ValueError:  # none was started
        return None
