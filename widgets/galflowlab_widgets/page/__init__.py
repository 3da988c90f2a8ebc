"""The explorer as one file that needs no kernel and no network."""

from galflowlab_widgets.page.document import LARGEST, STARS, write
from galflowlab_widgets.page.error import Error, measure
from galflowlab_widgets.page.stars import InterpolatedStars

__all__ = ["LARGEST", "STARS", "Error", "InterpolatedStars", "measure", "write"]
