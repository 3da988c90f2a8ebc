"""The panel of the sky: where the observer stands and what is chosen."""

import contextlib
import re
import zlib

import numpy as np
import pytest
from galflowlab_widgets.canvas import module
from galflowlab_widgets.live import PREVIEW
from galflowlab_widgets.scales import Scales
from galflowlab_widgets.sky_canvas import ObserverMap, SkyMap
from galflowlab_widgets.sky_drawing import Sky
from galflowlab_widgets.sky_panel import SkyPanel, _caption
from galflowlab_widgets.sky_place import Place, Surroundings, observer_at

from galflowlab.profiles import half_mass_radius
from galflowlab.profiles.jeans import local_circular_velocity
from galflowlab.schema import PHASE_SPACE
from galflowlab.sky.observer import MILKY_WAY_SIZE


def disc(n=30_000, scale=2.2, speed=200.0, seed=0):
    rng = np.random.default_rng(seed)
    radius, angle = rng.gamma(2, scale, n), rng.uniform(0, 2 * np.pi, n)
    noise = rng.normal(size=(6, n))
    stars = {
        "x": radius * np.cos(angle),
        "y": radius * np.sin(angle),
        "z": 0.3 * noise[0],
        "vx": -speed * np.sin(angle) + 20 * noise[1],
        "vy": speed * np.cos(angle) + 20 * noise[2],
        "vz": 20 * noise[3],
        "age": np.clip(6 + noise[4], 0.1, 13),
        "mass": np.full(n, 5e10 / n),
    }
    return {name: values.astype(np.float32) for name, values in stars.items()}


class Stage:
    """A panel, and the stars for it."""

    def __init__(self, stars, total=None):
        self.stars, self.total, self.asked = stars, total, 0
        self.panel = SkyPanel((*PHASE_SPACE, "age"), self.answer, contextlib.nullcontext)
        self.panel.show(stars, total)

    def answer(self):
        self.asked += 1
        self.panel.show(self.stars, self.total)

    @property
    def place(self):
        """Of the observer [kpc], as the map of the observer says."""
        number = r"(-?[\d.e+]+)"
        text = self.panel.observer_map.value_text
        return tuple(map(float, re.match(rf"x = {number}, y = {number} kpc", text).groups()))

    @property
    def radius(self):
        return float(re.search(r"R = ([\d.e+]+) kpc", self.panel.caption.value)[1])


@pytest.fixture
def stage():
    return Stage(disc())


def size(stars):
    return half_mass_radius(stars, projected=True) / MILKY_WAY_SIZE


@pytest.mark.parametrize("scale", [0.3, 2.2, 4.0])
def test_the_observer_is_first_where_the_sun_would_be_in_a_galaxy_of_that_size(scale):
    stage = Stage(disc(scale=scale))
    assert stage.place == pytest.approx((8.2 * size(stage.stars), 0), rel=1e-2)
    x, y = stage.panel.observer_map.position
    assert 0.55 < x < 1
    assert y == 0.5
    assert "moving at 2" in stage.panel.caption.value
    assert "30\N{NO-BREAK SPACE}000 stars" in stage.panel.caption.value


def test_a_dragged_observer_sees_another_sky(stage):
    panel, before = stage.panel, stage.panel.sky_map.pixels
    face_on = panel.observer_map.pixels
    panel.observer_map.dragged = [0.25, 0.7]
    half_width = float(re.search(r"([\d.]+) kpc across", panel.observer_map.alt)[1]) / 2
    assert stage.place == pytest.approx((-0.5 * half_width, 0.4 * half_width), rel=1e-2)
    assert panel.observer_map.position == pytest.approx([0.25, 0.7])
    assert panel.sky_map.pixels != before
    assert panel.observer_map.pixels == face_on
    assert stage.radius == pytest.approx(np.hypot(*stage.place), rel=1e-2)
    assert f"x = {stage.place[0]:.1f}" in panel.sky_map.alt
    assert stage.asked == 1


@pytest.mark.parametrize("how", ["button", "key", "reset"])
def test_the_observer_comes_back_to_the_same_sky(stage, how):
    before = stage.panel.sky_map.pixels, stage.panel.caption.value
    stage.panel.observer_map.dragged = [0.6, 0.2]
    if how == "button":
        stage.panel.home.click()
    elif how == "key":
        stage.panel.observer_map.dragged = []
    else:
        stage.panel.reset()
        assert stage.asked == 1
        stage.answer()
    assert (stage.panel.sky_map.pixels, stage.panel.caption.value) == before
    assert stage.asked == 2


def test_the_observer_keeps_their_place_relative_to_the_galaxy_or_in_kpc(stage):
    panel = stage.panel
    panel.observer_map.dragged = [0.5, 0.3]
    _, first = stage.place
    stage.stars = disc(scale=1.1)
    stage.answer()
    assert stage.place == pytest.approx((0, first / 2), rel=0.03)
    panel.scaled.value = False
    assert stage.place == pytest.approx((0, first / 2), rel=0.03)
    stage.stars = disc()
    stage.answer()
    assert stage.place == pytest.approx((0, first / 2), rel=0.03)
    panel.home.click()
    assert stage.place == (8.2, 0)
    assert "21 pc north" in panel.caption.value


@pytest.mark.parametrize(("height", "text"), [(0.208, "210"), (2.08, "2100"), (0.00208, "2.1")])
def test_the_caption_has_no_exponents(height, text):
    said = _caption(8.2, height, None, Sky(b"", {}, "", stars=10, nside=8), 10)
    assert f" {text} pc north" in said


def test_a_dwarf_is_seen_from_outside_when_the_place_does_not_scale():
    stage = Stage(disc(scale=0.2))
    across = re.compile(r"([\d.]+) kpc across")
    assert float(across.search(stage.panel.observer_map.alt)[1]) < 5
    stage.panel.scaled.value = False
    assert stage.place == (8.2, 0)
    assert float(across.search(stage.panel.observer_map.alt)[1]) == 20
    assert "at rest: no circular orbit here" in stage.panel.caption.value
    stage.panel.observer_map.dragged = [0.52, 0.5]  # the field stays under the hand
    assert float(across.search(stage.panel.observer_map.alt)[1]) == 20
    assert stage.place == (0.4, 0)
    assert "moving at" in stage.panel.caption.value
    stage.panel.scaled.value = True
    stage.panel.home.click()
    assert float(across.search(stage.panel.observer_map.alt)[1]) < 5


def test_the_edges_of_the_field_can_be_reached_and_do_not_run_away(stage):
    fields = {stage.panel.observer_map.alt}
    for corner in ([1, 1], [0, 0], [1.7, -3], [1, 0.5]):
        stage.panel.observer_map.dragged = corner
        fields.add(stage.panel.observer_map.alt)
    assert len(fields) == 1
    assert stage.panel.observer_map.position == pytest.approx([1, 0.5])


def test_in_the_centre_there_is_no_orbit_but_a_sky(stage):
    stage.panel.observer_map.dragged = [0.5, 0.5]
    assert stage.place == (0, 0)
    assert "at rest: no circular orbit here" in stage.panel.caption.value
    assert max(zlib.decompress(stage.panel.sky_map.pixels)) > 100


def test_the_observer_turns_with_the_galaxy():
    stars = disc()
    observer, orbits = observer_at(stars, 0.0, -5.0, 0.02)
    assert orbits
    speed = local_circular_velocity(stars, 5.0)
    assert observer.position == pytest.approx((0, -5, -0.02), abs=1e-9)
    assert observer.velocity == pytest.approx((speed, 0, 0), abs=1e-9)
    assert observer_at(stars, 500.0, 0.0, 0.0) == (observer_at(stars, 500.0, 0.0, 0.0)[0], False)


def test_quantities_are_chosen_from_a_menu(stage):
    names = [name for _, name in stage.panel.quantity.options]
    assert names == ["counts", "mean_age", "v_los", "sigma_los"]
    seen = set()
    for name in names:
        stage.panel.quantity.value = name
        stage.panel.show(stage.stars)
        seen.add((stage.panel.sky_map.pixels, stage.panel.sky_map.frame["label"]))
    assert len(seen) == len(names)
    assert stage.panel.sky_map.frame["label"] == "σ (line of sight) [km s⁻¹]"


def test_a_shell_of_distance_leaves_stars_out(stage):
    panel, before = stage.panel, stage.panel.sky_map.pixels
    assert panel.distance_label.value == "distance 0 to ∞"
    panel.distance.index = (4, 6)
    assert panel.shell == (1, 3)
    assert panel.distance_label.value == "distance 1 to 3 kpc"
    x, y = stage.place
    away = np.sqrt((stage.stars["x"] - x) ** 2 + (stage.stars["y"] - y) ** 2)
    count = int(
        re.search(r"· ([\d\xa0]+) of 30\xa0000", panel.caption.value)[1].replace("\xa0", "")
    )
    assert count == pytest.approx(np.count_nonzero((away > 1) & (away < 3)), rel=0.02)
    assert panel.sky_map.pixels != before
    for both in (0, 5, 13):
        panel.distance.index = (both, both)
        assert panel.shell[0] < panel.shell[1]


def test_nothing_jumps_when_more_stars_are_drawn():
    stars = disc(n=2 * PREVIEW)
    few = {name: values[:PREVIEW] for name, values in stars.items()}
    few["mass"] = 2 * few["mass"]
    stage = Stage(few, 2 * PREVIEW)
    stage.panel.quantity.value = "v_los"
    where, frame = stage.panel.observer_map.position, stage.panel.sky_map.frame
    axes, face_on = stage.panel.observer_map.axes, stage.panel.observer_map.pixels
    assert frame["state"] == "preview"
    assert "20\N{NO-BREAK SPACE}480 of 40\N{NO-BREAK SPACE}960 stars" in stage.panel.caption.value
    stage.stars = stars
    stage.answer()
    assert stage.panel.observer_map.position == where
    assert stage.panel.observer_map.axes == axes
    assert stage.panel.observer_map.pixels != face_on
    assert stage.panel.sky_map.frame == frame | {"state": "settled"}


def test_a_field_stays_while_the_galaxy_is_the_same():
    place, scales = Place(), Scales(15.0, {})
    place.settle(Surroundings(scales, 1.0))
    assert (place.half_width, place.position) == (15.0, (8.2, 0.0))
    place.scale(False)
    place.settle(Surroundings(Scales(3.0, {}), 0.1))
    assert (place.half_width, place.position) == (10.0, (8.2, 0.0))
    place.put((0.6, 0.4))
    place.settle(Surroundings(Scales(3.0, {}), 0.1))
    assert place.half_width == 10.0
    assert place.fractions == pytest.approx((0.6, 0.4))
    place.settle(Surroundings(Scales(5.0, {}), 0.1))
    assert place.half_width == 5.0


@pytest.mark.parametrize("value", [None, "ab", {}, 3, [1], [1, 2, 3], [1, None], [np.nan, 1]])
def test_what_is_no_place_is_ignored(stage, value):
    stage.panel.observer_map.set_state({"dragged": value})
    assert stage.asked == 0


def test_a_sky_and_a_map_travel_in_one_message_each(stage):
    messages = []
    for canvas in (stage.panel.observer_map, stage.panel.sky_map):
        canvas.send_state = lambda key=None: messages.append(
            {key} if isinstance(key, str) else set(key or ())
        )
    stage.panel.observer_map.set_state({"dragged": [0.3, 0.3]})
    sent = [message - {"dragged"} for message in messages]
    assert [m for m in sent if m] == [{"position", "value_text"}, {"pixels", "alt"}]


@pytest.mark.parametrize("kind", [ObserverMap, SkyMap])
def test_the_browser_gets_all_of_its_module_and_nothing_from_elsewhere(kind):
    assert kind._esm.count("export default") == 1
    assert kind._esm.startswith(module("painter.js", "live.js"))
    assert not re.search(r"^import|import\(|http", kind._esm, re.MULTILINE)
