"""Pictures, drawn with Matplotlib's Figure objects alone: no pyplot, no global state, no window."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

__all__ = ["Bars", "MatrixPanel", "Panel", "demo_figure", "write_png"]

_INK, _QUIET, _RULE, _PAPER, _ACCENT = "#1d2733", "#66717e", "#d9dee3", "#fbfbf9", "#0b7285"
_PEERS = ("#8a97a5", "#c98b2b", "#b5483a", "#6d5a8f", "#5b8c5a")  # in the order in which peers appear
_SANS, _MONO = "DejaVu Sans", "DejaVu Sans Mono"  # both come with Matplotlib
_TINT = LinearSegmentedColormap.from_list("tint", ["#d5e6e9", "#5fa5b1", _ACCENT, "#083f4a"])
_DPI = 130

# inches
_MARGIN, _HEADER, _FOOTER, _GAP, _CAPTION, _FACTS = 0.5, 1.2, 0.62, 0.28, 0.66, 2.1
_PANEL_AREA, _NARROWEST, _WIDEST = 10.4, 0.7, 1.8


@dataclass(frozen=True)
class Panel:
    """An image with a title, the call that made it, and the range of its values (for images of one plane)."""

    title: str
    call: str
    image: NDArray[np.float32]
    limits: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class MatrixPanel:
    """A small K', drawn entry by entry, beside lines of text about a large one."""

    title: str
    call: str
    values: NDArray[np.float32]
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Bars:
    """Groups of horizontal bars on a logarithmic axis that starts from 1: ``groups[label][series]`` is a length.

    `write` gives the text at the end of a bar.
    """

    title: str
    subtitle: str
    groups: dict[str, dict[str, float]]
    write: Callable[[float], str] = "{:g}".format


def demo_figure(
    heading: str, subheading: str, panels: Sequence[Panel], matrix: MatrixPanel, bars: Bars, footnote: str
) -> Figure:
    """Lay out the demo's picture: six images in two rows, K' and the timings beside them.

    Parameters
    ----------
    heading, subheading, footnote : str
        Lines above and below.
    panels : sequence of Panel
        Six images of about the same shape.
    matrix : MatrixPanel
        Stands beside the first row.
    bars : Bars
        Stand beside the second row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows, columns = panels[0].image.shape[:2]
    aspect = min(max(columns / rows, _NARROWEST), _WIDEST)
    height = max(math.sqrt(_PANEL_AREA / aspect), 3.1)  # the bars need some room
    width = min(height * aspect, 4.7)
    left = _MARGIN + 3 * width + 2 * _GAP + 0.55
    page = _Page(left + height + _FACTS + _MARGIN, _HEADER + 2 * (_CAPTION + height) + 0.25 + _FOOTER)
    page.text(_MARGIN, 0.62, heading, size=21, weight="bold")
    page.text(_MARGIN, 0.92, subheading, size=10.5, color=_QUIET)
    for index, panel in enumerate(panels):
        row, column = divmod(index, 3)
        x, y = _MARGIN + column * (width + _GAP), _HEADER + row * (height + _CAPTION + 0.25)
        page.caption(x, y, panel.title, panel.call)
        _draw_panel(page.axes(x, y + _CAPTION, width, height), panel)
    _draw_matrix(page, left, _HEADER, height, matrix)
    _draw_bars(page, left, _HEADER + height + _CAPTION + 0.25, height, bars)
    page.text(_MARGIN, page.height - 0.3, footnote, size=8, color=_QUIET)
    return page.figure


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure to a file; nothing is left half-written where drawing fails."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, facecolor=_PAPER)
    path.write_bytes(buffer.getvalue())


class _Page:
    """A figure measured in inches from its top left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), facecolor=_PAPER)

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box, facecolor="none")

    def text(self, left: float, top: float, text: str, **style: Any) -> Any:
        plain: dict[str, Any] = {"color": _INK, "family": _SANS, "va": "baseline", "parse_math": False}
        return self.figure.text(left / self.width, 1 - top / self.height, text, **(plain | style))

    def caption(self, left: float, top: float, title: str, below: str, **style: Any) -> None:
        self.text(left, top + 0.27, title, size=11.5, weight="bold")
        self.text(left, top + 0.50, below, **({"size": 8.2, "family": _MONO, "color": _ACCENT} | style))


def _draw_panel(axes: Any, panel: Panel) -> None:
    axes.imshow(panel.image, cmap="gray", vmin=panel.limits[0], vmax=panel.limits[1], interpolation="antialiased")
    axes.set_anchor("NW")
    axes.set_axis_off()


def _draw_matrix(page: _Page, left: float, top: float, height: float, panel: MatrixPanel) -> None:
    page.caption(left, top, panel.title, panel.call)
    axes = page.axes(left, top + _CAPTION, height, height)
    values = np.ma.masked_equal(panel.values, 0)
    axes.imshow(values, cmap=_TINT, norm=LogNorm(float(values.min()), float(values.max())), interpolation="nearest")
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(_RULE)
    for index, (figure, meaning) in enumerate(panel.facts):
        line = top + _CAPTION + 0.2 + index * min(0.56, height / (len(panel.facts) - 0.1))
        page.text(left + height + 0.25, line, figure, size=12, weight="bold")
        page.text(left + height + 0.25, line + 0.2, meaning, size=8.2, color=_QUIET)


def _draw_bars(page: _Page, left: float, top: float, height: float, bars: Bars) -> None:
    page.caption(left, top, bars.title, bars.subtitle, family=_SANS, color=_QUIET)
    label = 1.42
    axes = page.axes(left + label, top + _CAPTION + 0.2, height + _FACTS - label, height - 0.2)
    series = list(dict.fromkeys(name for group in bars.groups.values() for name in group))
    lengths = [length for group in bars.groups.values() for length in group.values()] or [1.0]
    thick, position, ticks = 1.0, 0.0, []
    for group in bars.groups.values():
        first = position
        for name, length in group.items():
            axes.barh(position, length - 1, thick * 0.86, left=1, color=_PEERS[series.index(name) % len(_PEERS)])
            beyond = {"xytext": (4, 0), "ha": "left"} if length >= 1 else {"xytext": (-4, 0), "ha": "right"}
            place = {"xy": (length, position), "textcoords": "offset points", "va": "center_baseline"} | beyond
            axes.annotate(bars.write(length), size=7.2, color=_INK, family=_SANS, **place)
            position += thick
        ticks.append((first + position - thick) / 2)
        position += 0.9
    axes.set_ylim(position - 0.9 - thick / 2 + 0.2, -thick / 2 - 0.2)
    axes.set_yticks(ticks, list(bars.groups), fontsize=8.8, family=_SANS, color=_INK)
    _style_axes(axes, min(lengths), max(lengths))
    _draw_legend(page, left + label, top + _CAPTION + 0.14, series)


def _style_axes(axes: Any, least: float, most: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(0.7, least / 1.8), max(2.0, most * 1.7))
    axes.tick_params(axis="both", which="both", length=0)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if most / least < 30 else (1,)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.xaxis.set_minor_locator(NullLocator())
    for text in axes.get_xticklabels():
        text.set(size=7.5, color=_QUIET, family=_SANS)
    axes.grid(axis="x", color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axvline(1, color=_ACCENT, linewidth=1.6)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_legend(page: _Page, left: float, top: float, series: Sequence[str]) -> None:
    for name, color in [("fastconv = 1", _ACCENT), *zip(series, _PEERS, strict=False)]:
        page.text(left, top, name, size=8.2, weight="bold", color=color)
        outline = TextPath((0, 0), name, size=8.2, prop=FontProperties(family=_SANS, weight="bold"))
        left += outline.get_extents().width / 72 + 0.2
