"""Many visitors at once, each with a galaxy of their own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.voila.conftest import voila
from tests.voila.page import Page
from tests.voila.processes import kernels, wait_for_kernels

pytestmark = pytest.mark.slow

MASS = "gfl-slider-log10_mstar"
MAPS = "gfl-canvas"


def go(page, value):
    """Move the slider of the mass; returns what the maps then say and show."""
    page.answered(page.update(page.widget(MASS), value=value))
    maps = page.widget(MAPS)
    return page.states[maps]["alt"], page.pixels[maps]


def test_visitors_see_their_own_galaxies(tmp_path):
    with voila(tmp_path, "explorer") as server, ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(Page, 2 * [server.url]))
        assert sorted(kernels(server.process)) == sorted(page.kernel for page in pages)

        def drag(page, start):
            return [go(page, start + k) for k in range(0, 50, 5)]

        starts = (100, 300)
        drags = list(pool.map(drag, pages, starts))
        # One after the other, everybody gets for the same value what each got for their own.
        for page in pages:
            for start, seen in zip(starts, drags, strict=True):
                assert go(page, start + 45) == seen[-1]
        words, pictures = zip(*(frame for frames in drags for frame in frames), strict=True)
        assert len(set(words)) == len(set(pictures)) == 20

        refuse_hostile_names(pages[0], server.folder)
        for page in pages:
            page.leave()
        assert wait_for_kernels(server.process, 0) == 0


def refuse_hostile_names(page, folder):
    """Export writes in the folder where the server was started and nowhere else."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    before = sorted(folder.parent.rglob("*"))
    names = ["../outside/x.fits", f"{outside}/x.fits", "link/x.fits", "~/x.fits", "no/x.fits"]
    names += [
        "x.py",
        ".fits",
        "..",
        "",
        "a\0.fits",
        "a\nb.fits",
        f"{300 * 'x'}.fits",
        "\udcff.fits",
    ]
    for name in names:
        page.answered(page.update(page.widget("gfl-filename"), value=name))
        page.answered(page.click("gfl-export"))
        said = page.state("gfl-status")["value"]
        assert "wrote" not in said, name
        assert str(folder) not in said
    assert sorted(folder.parent.rglob("*")) == before
    page.answered(page.update(page.widget("gfl-filename"), value="mine.fits"))
    page.answered(page.click("gfl-export"))
    assert "wrote mine.fits" in page.state("gfl-status")["value"]
    assert (folder / "mine.fits").stat().st_size > 1e6
