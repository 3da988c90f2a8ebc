"""What can be done with the galaxy shown, apart from dragging it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from galflowlab.tables import EXTENSIONS
from galflowlab_widgets.copy_button import CopyButton
from galflowlab_widgets.export import Download, Folder

COUNTS = (20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
_STEPS = 240  # of the player from one end of the path to the other
_INTERVAL = 60  # ms between two steps


class ActionBar(widgets.VBox):
    """Number of stars, new seed, reset, player, snapshot, export and code.

    Parameters
    ----------
    n
        Number of stars at the start.
    files
        Where exported files go.
    resized, resampled, reset, snapshot
        Called when the user asks for it, `resized` with the number of stars.
    played
        Called with the place on the path, 0 to 1.
    exported
        Called with the name of the file.

    Attributes
    ----------
    count, player, filename, resample, reset, snapshot, export
        The controls.
    copy
        Button that copies its `text`: the code of the galaxy shown.
    """

    def __init__(
        self,
        n: int,
        files: Folder | Download,
        *,
        resized: Callable[[int], None],
        resampled: Callable[[], None],
        reset: Callable[[], None],
        played: Callable[[float], None],
        snapshot: Callable[[], None],
        exported: Callable[[str], None],
    ) -> None:
        self.count = count_menu(n, resized)
        self.player = widgets.Play(max=2 * _STEPS, interval=_INTERVAL, show_repeat=False)
        self.player.repeat = True
        self.player.add_class("gfl-play")
        self.player.observe(lambda change: played(_there_and_back(change["new"])), "value")
        self.copy = CopyButton()
        self.filename = widgets.Text(
            value="galaxy.fits",
            placeholder="galaxy.fits",
            tooltip=f"file in {files.place}; one of " + ", ".join(EXTENSIONS),
            layout={"width": "150px"},
        )
        self.filename.add_class("gfl-filename")
        self.resample = button("resample", "draw other stars: a new seed", resampled)
        self.reset = button("reset", "let all entries follow, look from the start", reset)
        self.snapshot = button("snapshot", "save the maps as a PNG picture", snapshot)
        self.export = button("export", "write the stars", lambda: exported(self.filename.value))
        lines = [
            [self.count, self.resample],
            [self.player, self.reset],
            [self.snapshot, self.copy],
            [self.filename, self.export],
        ]
        unseen = [files] if isinstance(files, Download) else []
        super().__init__([*map(widgets.HBox, lines), *unseen])
        self.add_class("gfl-actions")

    def pause(self) -> None:
        """Stop the player."""
        self.player.playing = False


def _there_and_back(step: int) -> float:
    """Place on the path, so that playing again starts where it has ended."""
    return 1 - abs(step - _STEPS) / _STEPS


def count_menu(n: int, resized: Callable[[int], None]) -> widgets.Dropdown:
    """Menu of numbers of stars, `n` among them."""
    menu = widgets.Dropdown(
        options=[(f"{c:,}".replace(",", " "), c) for c in sorted({*COUNTS, n})],
        value=n,
        description="stars",
        layout={"width": "168px"},
        style={"description_width": "36px"},
    )
    menu.add_class("gfl-count")
    menu.observe(lambda change: resized(change["new"]), "value")
    return menu


def button(name: str, tooltip: str, action: Callable[[], None]) -> widgets.Button:
    """Button of class gfl-NAME."""
    made = widgets.Button(description=name, tooltip=tooltip, layout={"width": "auto"})
    made.add_class(f"gfl-{name}")
    made.on_click(lambda _: action())
    return made
