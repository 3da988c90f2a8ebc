"""The usual way to explore a model in a notebook, to compare the explorer with.

One slider, `interactive_output`, plain normflows sampling of as many stars as the explorer's
preview, and two two-dimensional histograms by pyplot. In its favour: one thread (two collapse
on a busy machine), no gradients, an untrained flow without units or transforms.
"""

import json
from functools import partial

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch

from tests.benchmarks.baseline import plain_spline

STARS = 20_000
BINS = 128
NAME = "baseline"


def draw(flow, value):
    """Sample stars, draw them from two sides."""
    with torch.inference_mode():
        stars, _ = flow.sample(STARS, torch.full((STARS, 4), value / 100))
    x, y, z = stars.numpy().T[:3]
    figure, axes = plt.subplots(1, 2, figsize=(8, 4))
    for ax, up in zip(axes, (y, z), strict=True):
        counts, *_ = np.histogram2d(x, up, bins=BINS, range=[(-4, 4), (-4, 4)])
        ax.imshow(np.log10(counts.T + 1), origin="lower", extent=(-4, 4, -4, 4))
    # The page reads from the PNG which value it shows.
    canvas = figure.canvas
    canvas.print_figure = partial(canvas.print_figure, metadata={"Title": f"{value:.1f}"})
    plt.show()


def app():
    """The slider and the picture."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    flow = plain_spline(10, 4).eval()
    # Whole steps: the slider tells the page its value with one decimal.
    slider = widgets.FloatSlider(value=50, min=0, max=100, step=0.5, layout={"width": "280px"})
    slider.add_class(f"gfl-slider-{NAME}")
    output = widgets.interactive_output(partial(draw, flow), {"value": slider})
    output.add_class(f"gfl-{NAME}")
    return widgets.VBox([slider, output])


def notebook(repository):
    """A notebook with this app, as JSON."""
    source = [
        f"import sys; sys.path.insert(0, {str(repository)!r})\n",
        "from tests.benchmarks import live_baseline\n",
        "live_baseline.app()",
    ]
    cell = {"cell_type": "code", "id": "app", "metadata": {}, "source": source}
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return json.dumps(
        {
            "cells": [cell | {"execution_count": None, "outputs": []}],
            "metadata": {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )
