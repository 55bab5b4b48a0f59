"""Plots, as options of Apache ECharts, which NiceGUI brings along: nothing is loaded from elsewhere."""

import math
from collections.abc import Sequence
from typing import Any

from campaigns.report.contents import Wanted
from dashboard.reading.campaign import IterationView

INK, FAINT, LINE = "#1a211d", "#57625b", "#d9ddd8"
PREDICTED, MEASURED, BAND, ACCENT = "#5546b5", "#b04a10", "#2f8f53", "#1a6480"

Options = dict[str, Any]


def descriptor_chart(target: Wanted, iterations: Sequence[IterationView]) -> Options:
    """Target band, predictions (± 2 SD) and measurements (interval) of one descriptor by experiment."""
    predicted, measured, bars = [], [], []
    for one in iterations:
        guess, found = one.predicted.get(target.descriptor), one.measured.get(target.descriptor)
        if guess is not None and guess.mean is not None:
            predicted.append([one.index - 0.1, _round(guess.mean)])
            bars.append(
                _bar(
                    one.index - 0.1,
                    guess.mean - 2 * (guess.sd or 0),
                    guess.mean + 2 * (guess.sd or 0),
                    PREDICTED,
                    1,
                )
            )
        if found is not None and found.value is not None:
            measured.append([one.index + 0.1, _round(found.value)])
            low, high = found.ci
            if low is not None and high is not None:
                bars.append(_bar(one.index + 0.1, low, high, MEASURED, 2))
    low, high = _ends(target)
    values = [y for _, y in predicted + measured] + [
        end for end in (target.low, target.high) if end is not None
    ]
    for (_, bottom), (_, top) in ((bar[0]["coord"], bar[1]["coord"]) for bar in bars):
        values += [bottom, top]
    bottom, top, step = _range(values, target.tolerance)
    unit = f" ({target.unit})" if target.unit else ""
    return {
        **_frame(iterations, f"{target.descriptor}{unit}", (bottom, top, step)),
        "series": [
            {
                "name": "predicted",
                "type": "scatter",
                "data": predicted,
                "symbol": "emptyCircle",
                "symbolSize": 9,
                "itemStyle": {"color": PREDICTED},
                "markLine": {"silent": True, "symbol": "none", "label": {"show": False}, "data": bars},
                "markArea": {
                    "silent": True,
                    "itemStyle": {"color": BAND, "opacity": 0.14},
                    "data": [[{"yAxis": _round(max(low, bottom))}, {"yAxis": _round(min(high, top))}]],
                },
            },
            {
                "name": "measured",
                "type": "scatter",
                "data": measured,
                "symbol": "rect",
                "symbolSize": 8,
                "itemStyle": {"color": MEASURED},
            },
        ],
    }


def convergence_chart(iterations: Sequence[IterationView]) -> Options:
    """The worst miss of each experiment, in tolerances; at or below 1 all targets are met."""
    points = [[one.index, _round(one.worst)] for one in iterations if one.worst is not None]
    best, running = [], math.inf
    for index, value in points:
        running = min(running, value)
        best.append([index, running])
    _, top, step = _range([0.0, 1.5, *(value for _, value in points)], 0.0)
    return {
        **_frame(iterations, "worst miss (tolerances)", (0.0, top, step)),
        "series": [
            {
                "name": "this experiment",
                "type": "line",
                "data": points,
                "symbol": "rect",
                "symbolSize": 7,
                "lineStyle": {"width": 1.6},
                "itemStyle": {"color": MEASURED},
                "markArea": {
                    "silent": True,
                    "itemStyle": {"color": BAND, "opacity": 0.14},
                    "data": [[{"yAxis": 0}, {"yAxis": 1}]],
                },
            },
            {
                "name": "best so far",
                "type": "line",
                "step": "end",
                "data": best,
                "symbol": "none",
                "lineStyle": {"type": "dashed", "width": 1, "color": FAINT},
                "itemStyle": {"color": FAINT},
            },
        ],
    }


def _frame(iterations: Sequence[IterationView], name: str, axis_y: tuple[float, float, float]) -> Options:
    last = max([3, *(one.index for one in iterations)])
    axis: Options = {
        "axisLine": {"lineStyle": {"color": FAINT}},
        "axisLabel": {"color": INK, "fontSize": 11, "hideOverlap": True},
        "nameTextStyle": {"color": INK, "fontSize": 11.5},
    }
    return {
        "animation": False,
        "aria": {"enabled": True},
        "grid": {"left": 8, "right": 14, "top": 28, "bottom": 22, "containLabel": True},
        "tooltip": {"trigger": "item", "formatter": "{a}<br>{c}"},
        "xAxis": {
            **axis,
            "type": "value",
            "min": 0,
            "max": last + 1,
            "interval": max(1, math.ceil(last / 15)),
            "axisTick": {"show": False},
            "axisLabel": {**axis["axisLabel"], "showMinLabel": False, "showMaxLabel": False},
            "splitLine": {"show": False},
            "name": "experiment",
            "nameLocation": "middle",
            "nameGap": 24,
        },
        "yAxis": {
            **axis,
            "type": "value",
            "min": axis_y[0],
            "max": axis_y[1],
            "interval": axis_y[2],
            "name": name,
            "nameTextStyle": {"color": INK, "fontSize": 11.5, "align": "left"},
            "splitLine": {"lineStyle": {"color": LINE}},
        },
    }


def _bar(x: float, low: float, high: float, colour: str, width: int) -> list[dict[str, Any]]:
    """An error bar, as a line with a cap at each end."""
    cap = {"symbol": "rect", "symbolSize": [9, 1.5], "symbolRotate": 0}
    style = {"color": colour, "width": width, "type": "solid"}
    return [
        {"coord": [x, _round(low)], **cap, "lineStyle": style},
        {"coord": [x, _round(high)], **cap},
    ]


def _ends(target: Wanted) -> tuple[float, float]:
    low = -math.inf if target.low is None else target.low - target.tolerance
    high = math.inf if target.high is None else target.high + target.tolerance
    return low, high


def _range(values: Sequence[float], tolerance: float) -> tuple[float, float, float]:
    """Ends and step of an axis: round numbers, with room around the values."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = max(0.08 * (high - low), tolerance, 1e-9)
    width = high - low + 2 * margin
    power = 10.0 ** math.floor(math.log10(width / 5))
    step = next(power * one for one in (1, 2, 5, 10) if power * one >= width / 5)
    bottom, top = math.floor((low - margin) / step) * step, math.ceil((high + margin) / step) * step
    return _round(bottom), _round(top), step


def _round(value: float) -> float:
    return float(f"{value:.5g}")
