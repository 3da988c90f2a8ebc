"""Published GalacticFlow models (Wolf & Buck 2023): read safely, checked, and made into EDFs."""

from galflowlab.galacticflow.left_out import Moments, left_out
from galflowlab.galacticflow.model import load_galacticflow
from galflowlab.galacticflow.torch_file import is_torch_file

__all__ = ["Moments", "is_torch_file", "left_out", "load_galacticflow"]
