"""What a page says of itself, from what was measured."""

from __future__ import annotations

from galflowlab._version import __version__
from galflowlab.edf import EDF
from galflowlab.mocks import is_mock_name
from galflowlab.report.cost import training_number
from galflowlab.schema import COLUMNS
from galflowlab_widgets.page.error import Error


def exactness(error: Error, shape: tuple[int, int]) -> list[str]:
    """Sentences on the error of interpolation.

    Parameters
    ----------
    error
        As measured.
    shape
        Masses and metallicities of the grid.
    """
    median, most = (100 * value for value in error.position)
    typical_map, worst_map = (100 * value for value in error.maps)
    colours = [
        f"{COLUMNS[name].label} by {low:.2g} {COLUMNS[name].unit_text} (95 %: {high:.2g})"
        for name, (low, high) in error.colours.items()
    ]
    differs = f" It differs in {', in '.join(colours)}." if colours else ""
    sentences = [
        f"The flow drew these stars at {shape[0]} masses and {shape[1]} metallicities for each; in "
        f"between, this page interpolates. Measured at {error.contexts} other contexts, at random "
        "among those that training galaxies support:",
        f"A star lies {median:.2g} % of the half-mass radius from where the flow puts it (median; "
        f"95 % lie within {most:.2g} %; at the worst context the median is "
        f"{100 * error.worst_position:.2g} %).{differs}",
        "Maps of surface density differ from the flow's by "
        f"{typical_map:.0f} % of what other stars of the same galaxy would change (at the worst "
        f"context {worst_map:.0f} %).",
    ]
    return [sentence.replace(" %", "\N{NO-BREAK SPACE}%") for sentence in sentences]


def origin(edf: EDF, *, n: int, seed: int) -> list[str]:
    """Sentences on the model: whatever its card holds is only shown."""
    count = training_number(edf.card, "galaxies")
    trained = f", trained on {count:.0f} {_kind(edf)}" if count else ""
    sentences = [
        f"A conditional normalizing flow, preset {edf.preset}{trained}. Made by galflowlab "
        f"{__version__} with {n} stars and seed {seed}.",
        "Outside the shade training galaxies do not support the model, and it extrapolates. All "
        "generated stars of a galaxy have the same mass.",
    ]
    if _kind(edf).startswith("mock"):
        sentences.append(
            "Mock galaxies are axisymmetric discs in equilibrium: for learning the tools, not "
            "for comparing with observations."
        )
    if edf.population.stand_ins:
        sentences.append(
            "The contexts of the training galaxies are not known; the shade and the points are "
            "what they may have been."
        )
    return sentences


def _kind(edf: EDF) -> str:
    training = edf.card.get("training")
    names = training.get("names") if isinstance(training, dict) else None
    if isinstance(names, list) and names and all(map(is_mock_name, map(str, names))):
        return "mock galaxies"
    return "galaxies"
