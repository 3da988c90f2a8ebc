"""Many visitors at once, each with a galaxy of their own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from galflowlab.tables import read_table
from tests.browser.servers import app_command, voila
from tests.voila.page import Page, data_of
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
    with voila(app_command("explorer"), tmp_path) as server, ThreadPoolExecutor(2) as pool:
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

        before = sorted(server.folder.rglob("*"))
        refuse_hostile_names(pages[0], server.folder)
        files = receive(pages[0])
        assert sorted(server.folder.rglob("*")) == before
        for page in pages:
            page.leave()
        assert wait_for_kernels(server.process, 0) == 0
    check_files(tmp_path, files)


def export(page, name):
    """Ask for a file of the stars; returns its first part and what the page says."""
    page.answered(page.update(page.widget("gfl-filename"), value=name))
    came = page.answered(page.click("gfl-export"))
    return parts_in(came), page.state("gfl-status")["value"]


def parts_in(messages):
    return [message for message in messages if data_of(message).get("method") == "custom"]


def ask(page, first, **wish):
    """Ask for a part of a file, of which another has come; returns what is sent."""
    data = {"method": "custom", "content": wish}
    return parts_in(page.answered(page.comm(first["content"]["comm_id"], data)))


def refuse_hostile_names(page, folder):
    for name in (
        "../x.fits",
        "/x.fits",
        "C:\\x.fits",
        "x.py",
        ".fits",
        "..",
        "",
        "a\0.fits",
        "a\nb.fits",
        f"{300 * 'x'}.fits",
        "\udcff.fits",
    ):
        parts, said = export(page, name)
        assert parts == [], name
        assert "That did not work" in said, name
        assert str(folder) not in said


def receive(page):
    """Files by their names: a part comes when it is asked for, and another file in its place."""
    (old,), _ = export(page, "old.fits")
    files = {}
    for name in ("galaxy.fits", "galaxy.parquet"):
        (first,), said = export(page, name)
        assert f"sending {name}: 200 000 stars" in said
        told = data_of(first)["content"]
        number, size = told["number"], told["size"]
        for start in (-1, 0, size, 1.5, "0", None, [], {}):
            assert ask(page, first, number=number, start=start) == []
        assert ask(page, first, start=1) == ask(page, first) == []
        assert ask(page, first, number=data_of(old)["content"]["number"], start=1) == []
        files[told["name"]] = content = bytearray(first["buffers"][0])
        while len(content) < size:
            (part,) = ask(page, first, number=number, start=len(content))
            assert len(part["buffers"][0]) <= 1_000_000
            content += part["buffers"][0]
    return files


def check_files(folder, contents):
    """All hold the stars that the code in the first draws."""
    stars = {}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        table, header = read_table(folder / name)
        if not stars:
            exec(header["code"], stars)
        for column in table.colnames:
            ours, theirs = table[column], stars["stars"][column]
            assert ours.unit == theirs.unit
            np.testing.assert_allclose(ours.value, theirs.value, rtol=1e-5, atol=1e-5)
