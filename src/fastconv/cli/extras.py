"""Optional modules: imported when a command needs them, with one sentence where they are not there."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["Stop", "require"]


class Stop(Exception):
    """Ends a command with exit code 2; its message is the one sentence that the user sees."""


def require(module: str, extra: str, need: str) -> ModuleType:
    """Import an optional module, or stop with the command that installs it.

    Parameters
    ----------
    module : str
        What to import, such as ``"matplotlib.figure"``.
    extra : str
        The extra of fastconv that brings it.
    need : str
        What it is needed for, as the start of the sentence: ``"The picture needs Matplotlib"``.

    Returns
    -------
    module

    Raises
    ------
    Stop
        If the module is missing or broken.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        why = "" if missing == module.partition(".")[0] else f" (there is no {missing})"
        raise Stop(f"{need}, which is not installed{why}: pip install 'fastconv[{extra}]'") from error
    except ImportError as error:
        raise Stop(f"{need}, which is installed but does not import: {error}") from error
