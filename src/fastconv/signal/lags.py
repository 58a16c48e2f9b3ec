"""The lags that belong to a correlation: `correlation_lags`."""

from __future__ import annotations

import numpy as np

from fastconv.ops import arguments as arg

__all__ = ["correlation_lags"]


def correlation_lags(in1_len: int, in2_len: int, mode: str = "full") -> np.ndarray:
    """How far the second signal is moved to the right for each element of ``correlate(in1, in2, mode)``, in 1-D.

    Element 0 of the whole correlation has the lag ``1 - in2_len``, and the others follow one by one.

    Parameters
    ----------
    in1_len, in2_len : int
        Elements of both signals.
    mode : {"full", "same", "valid"}
        That of the correlation.

    Returns
    -------
    ndarray of int64
        As many lags as the correlation has elements.

    Raises
    ------
    TypeError, ValueError
        Where a length is not a whole number, or the mode is not known.

    Notes
    -----
    As ``scipy.signal.correlation_lags``, but for lengths that are not whole numbers, which it takes. It centers mode
    "same" as it does: where `in1_len` is odd and `in2_len` even, lags are one more than those of `correlate`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> heard, sent = np.array([0.0, 0, 0, 1, 2, 1]), np.array([1.0, 2, 1])
    >>> lags = fc.signal.correlation_lags(heard.size, sent.size)
    >>> int(lags[np.argmax(fc.signal.correlate(heard, sent))])
    3
    """
    n, k = arg.whole(in1_len, "in1_len", 0), arg.whole(in2_len, "in2_len", 0)
    first, middle = 1 - k, (n + k - 1) // 2 - n // 2
    lags = {
        "full": range(first, n),
        "same": range(first + middle, first + middle + n),
        "valid": range(min(0, n - k), max(0, n - k) + 1),
    }
    if not isinstance(mode, str) or mode not in lags:
        raise ValueError(f"Mode {mode} is invalid; choose one of {', '.join(map(repr, lags))}.")
    return np.arange(lags[mode].start, lags[mode].stop)
