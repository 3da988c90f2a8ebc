import numpy as np
import pytest
from galflowlab_widgets.live import PREVIEW, LiveGalaxy


def test_a_preview_first_and_then_the_rest_of_the_same_stars(edf):
    live = LiveGalaxy(edf, n=PREVIEW + 500, seed=3)
    live.move({"log10_mstar": 10.0})
    assert live.count == PREVIEW
    assert not live.complete
    preview = {name: values.copy() for name, values in live.stars().items()}
    live.grow(300)
    live.grow(300)
    assert live.complete
    for name in edf.columns:
        np.testing.assert_array_equal(live.stars()[name][:PREVIEW], preview[name])


def test_the_stellar_mass_is_shared_by_the_stars_drawn(edf):
    live = LiveGalaxy(edf, n=30_000, seed=3)
    live.move({"log10_mstar": 10.0})
    for n in (100, None):
        assert live.stars(n)["mass"].sum(dtype=float) == pytest.approx(1e10, rel=1e-4)


def test_a_table_is_whole_has_units_and_is_a_copy(edf):
    live = LiveGalaxy(edf, n=PREVIEW + 100, seed=3)
    live.move({})
    table = live.table()
    assert len(table) == PREVIEW + 100
    assert str(table["vx"].unit) == "km / s"
    table["x"][:] *= 0
    assert live.stars()["x"].any()


def test_an_invalid_context_leaves_the_galaxy_as_it_was(edf):
    live = LiveGalaxy(edf, n=1000, seed=3)
    live.move({"log10_mstar": 10.0})
    before = live.stars()["x"].copy()
    with pytest.raises(ValueError, match="finite"):
        live.move({"log10_mstar": np.nan})
    assert live.context["log10_mstar"] == 10.0
    np.testing.assert_array_equal(live.stars()["x"], before)


def test_without_a_galaxy_there_is_nothing_to_show(edf):
    live = LiveGalaxy(edf, n=1000, seed=3)
    assert live.context == {}
    with pytest.raises(ValueError, match="no galaxy"):
        live.grow(10)
    with pytest.raises(ValueError, match="no stars"):
        live.stars()


def test_a_model_without_stellar_mass_is_refused(edf):
    edf.context_names = ("age_p50",)
    with pytest.raises(ValueError, match="log10_mstar"):
        LiveGalaxy(edf, n=1000, seed=3)


@pytest.mark.parametrize("n", [0, -1])
def test_a_galaxy_without_stars_is_refused(edf, n):
    with pytest.raises(ValueError, match=f"at least one star, got n = {n}"):
        LiveGalaxy(edf, n=n, seed=3)
