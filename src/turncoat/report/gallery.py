"""Reconstructed records beside the originals, as in the paper's Figures 2 and 3."""

import io

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from turncoat.report.figure import INK, STYLE
from turncoat.results.values import Gallery

SIZE = 0.78
"""Inches of an image."""


def gallery_image(gallery: Gallery, kind: str = "png") -> bytes:
    """The originals above, what was recovered below, as a picture of format `kind`; equal ones, equal bytes."""
    count = len(gallery.originals)
    figure = Figure(figsize=(SIZE * (count + 1.35), SIZE * 2.25))
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, count, squeeze=False, gridspec_kw={"left": 1.3 / (count + 1.35), "right": 0.99})
    for row, label, images in zip(
        grid, ("original", "recovered"), (gallery.originals, gallery.recovered), strict=True
    ):
        for axes, image in zip(row, images, strict=True):
            axes.imshow(
                np.reshape(image, gallery.shape), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
            )
            axes.set_axis_off()
        place = row[0].get_position()
        middle = (place.y0 + place.y1) / 2
        figure.text(1.2 / (count + 1.35), middle, label, ha="right", va="center", color=INK, size=9)
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()
