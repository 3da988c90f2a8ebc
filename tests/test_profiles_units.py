"""Radii, edges and ranges of profiles: numbers in kpc, or quantities."""

import numpy as np
import pytest
from astropy import units as u

from galflowlab import mocks, profiles
from galflowlab.galaxy_checks import profile_checks

EDGES = np.array([0.5, 2.0, 4.0])
RANGE = (0.5, 4.0)
FEW = {"seed": 1, "resamples": 3}
CURVE = profiles.SphericalPotential.from_circular_velocity(EDGES, [80.0, 120.0, 140.0])


@pytest.fixture(scope="module")
def stars():
    return mocks.make_galaxy(10.0, seed=4, n=2000).stars


def edges_in(profile):
    return lambda stars, of: profile(stars, of(EDGES), **FEW).values


def range_in(fit, value):
    return lambda stars, of: value(fit(stars, radii=of(RANGE), **FEW))


def radial(stars, of):
    return profiles.radial_profiles(stars, ["v_phi"], of(EDGES))["v_phi"].values


CALLS = {
    "anisotropy": edges_in(profiles.anisotropy),
    "dispersion_ratio": edges_in(profiles.dispersion_ratio),
    "scale_height": edges_in(profiles.scale_height),
    "rms_height": edges_in(profiles.rms_height),
    "circular_velocity": edges_in(profiles.circular_velocity),
    "radial_profiles": radial,
    "local_circular_velocity": lambda stars, of: profiles.local_circular_velocity(stars, of(3)),
    "profile_checks": lambda stars, of: (
        profile_checks(stars, stars[::2], edges=of(EDGES), **FEW)["v_phi"].real
    ),
    "fit_exponential": range_in(profiles.fit_exponential, lambda fit: fit.scale_length),
    "fit_sersic": range_in(profiles.fit_sersic, lambda fit: fit.index),
    "metallicity_gradient": range_in(profiles.metallicity_gradient, lambda g: g.slope),
    "gradient": lambda stars, of: (
        profiles.gradient(stars, "age", radii=tuple(of(r) for r in RANGE), **FEW).slope
    ),
    "percentiles": lambda stars, of: profiles.percentiles(stars, "z", "age", of([-1, 0, 1])).values,
    "plane": lambda stars, of: profiles.plane(stars, "x", "age", of((-5, 5)), (0, 14) * u.Gyr, 4),
    "from_circular_velocity": lambda stars, of: profiles.SphericalPotential.from_circular_velocity(
        of(EDGES), [80, 120, 140] * u.km / u.s
    ).circular_velocity(3.0),
    "the potential": lambda stars, of: CURVE(of(3), of(1)),
    "its circular velocity": lambda stars, of: CURVE.circular_velocity(of(3)),
    "an exponential": lambda stars, of: profiles.ExponentialFit(
        2.0, 0.1, 1e8, 1e6, RANGE, 0.1, 100
    )(of(3)),
    "a Sersic profile": lambda stars, of: profiles.SersicFit(
        2.0, 0.1, 3.0, 0.1, 1e8, 1e6, RANGE, 0.1, 100
    )(of(3)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_lengths_are_converted(stars, call):
    expected = call(stars, lambda kpc: kpc)
    found = call(stars, lambda kpc: (kpc * u.kpc).to(u.pc))
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert np.ma.count(expected)
    with pytest.raises(ValueError, match="should be in kpc"):
        call(stars, lambda kpc: kpc * u.s)


def test_ages_are_converted_and_speeds_too(stars):
    found = profiles.age_metallicity(stars, [2, 6, 10] * u.Gyr)
    np.testing.assert_array_equal(found.edges, [2, 6, 10])
    again = profiles.percentile_errors(stars, "age", "fe_h", [2000, 6000, 10000] * u.Myr, **FEW)
    same = profiles.percentile_errors(stars, "age", "fe_h", [2, 6, 10], **FEW)
    np.testing.assert_allclose(again, same)
    with pytest.raises(ValueError, match="edges should be in Gyr"):
        profiles.age_metallicity(stars, [2, 6] * u.kpc)
    slow = profiles.SphericalPotential.from_circular_velocity(EDGES, [8e4, 12e4, 14e4] * u.m / u.s)
    np.testing.assert_allclose(slow.circular_velocity(EDGES), [80, 120, 140])


def test_one_radius_and_two_of_a_range(stars):
    with pytest.raises(ValueError, match="one positive radius"):
        profiles.local_circular_velocity(stars, [3.0, 4.0])
    with pytest.raises(ValueError, match="two radii"):
        profiles.gradient(stars, "age", seed=1, radii=(1.0, 2.0, 3.0))
