"""Transforms: inverses, Jacobians and the physics they carry."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from galflowlab.flow.canonical import AGE_MAX, Canonical
from galflowlab.flow.marginals import fit_marginals
from galflowlab.flow.splines import KnotSpline, monotone_slopes
from galflowlab.flow.transforms import (
    ContextScale,
    ContextTransform,
    StarTransform,
    polynomial_features,
)
from galflowlab.schema import EDF_COLUMNS, PHASE_SPACE

NAMES = ("log10_mstar", "age_p50", "age_p10", "mean_metallicity")
SCHEMAS = [
    EDF_COLUMNS,
    (*PHASE_SPACE, "metallicity", "age"),
    (*PHASE_SPACE, "fe_h", "age"),
    PHASE_SPACE,
]


def jacobian_log_det(function, points):
    """log|det| of a per-star map by autograd."""
    jacobian = torch.autograd.functional.jacobian(lambda p: function(p).sum(0), points)
    return torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet


def galaxies(columns, count=20, n=400, seed=0):
    """Stars and contexts of discs whose size, speed and chemistry scale with the context."""
    rng = np.random.default_rng(seed)
    stars, contexts = [], []
    for _ in range(count):
        mass, p50, p10 = rng.uniform(8, 11), rng.uniform(4, 8), rng.uniform(1, 3)
        size, speed = 10 ** (0.3 * (mass - 10)), 150 * 10 ** (0.25 * (mass - 10))
        R, phi = rng.gamma(2, 3 * size, n), rng.uniform(-np.pi, np.pi, n)
        v_phi, v_R = rng.normal(speed, 0.2 * speed, n), rng.normal(0, 0.2 * speed, n)
        fe_h = rng.normal(0.4 * (mass - 10.5), 0.3, n)
        o_fe = 0.1 - 0.2 * fe_h + rng.normal(0, 0.05, n)
        values = {
            "x": R * np.cos(phi),
            "y": R * np.sin(phi),
            "z": rng.laplace(0, 0.2 * size, n),
            "vx": v_R * np.cos(phi) - v_phi * np.sin(phi),
            "vy": v_R * np.sin(phi) + v_phi * np.cos(phi),
            "vz": rng.normal(0, 0.1 * speed, n),
            "metallicity": 0.0134 * 10 ** (fe_h + 0.6 * o_fe + rng.normal(0, 0.03, n)),
            "fe_h": fe_h,
            "o_fe": o_fe,
            "age": 13 * rng.beta(p50 / 3, 2, n),
        }
        stars.append(torch.tensor(np.column_stack([values[c] for c in columns])))
        contexts.append([mass, p50, p10, 0.01 * 10 ** (0.4 * (mass - 10))])
    return stars, torch.tensor(contexts)


@pytest.mark.parametrize("columns", SCHEMAS)
def test_canonical_inverse_undoes_forward(columns):
    stars = galaxies(columns)[0][0]
    canonical = Canonical(columns)
    torch.testing.assert_close(canonical.inverse(canonical(stars)[0]), stars, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("columns", SCHEMAS)
def test_canonical_jacobian_agrees_with_autograd(columns):
    stars = galaxies(columns)[0][0][:50]
    canonical = Canonical(columns)
    expected = jacobian_log_det(lambda s: canonical(s)[0], stars)
    torch.testing.assert_close(canonical(stars)[1], expected, rtol=1e-9, atol=1e-8)


def test_azimuth_of_a_disc_becomes_standard_normal():
    phi = torch.linspace(-math.pi, math.pi, 20_001, dtype=torch.float64)[1:-1]
    zeros = torch.zeros_like(phi)
    stars = torch.stack([torch.cos(phi), torch.sin(phi), zeros, zeros, zeros, zeros], dim=1)
    quantile = Canonical(PHASE_SPACE)(stars)[0][:, 1]
    assert abs(float(quantile.mean())) < 1e-6
    assert float(quantile.std()) == pytest.approx(1, abs=1e-3)


@given(
    st.lists(
        st.one_of(st.just(0.0), st.floats(-1e3, 1e3)),
        min_size=6,
        max_size=6,
    ),
    st.sampled_from([-0.1, 0.0, 1e-12, 0.02, 0.9, 1.0, 1.1]),
    st.sampled_from([-1.0, 0.0, 1e-9, 5.0, AGE_MAX, AGE_MAX + 1]),
)
@settings(max_examples=200, deadline=None)
def test_canonical_never_gives_nan(phase_space, metallicity, age):
    star = torch.tensor([[*phase_space, metallicity, -0.5, 0.2, age]], dtype=torch.float64)
    values, log_det = Canonical(EDF_COLUMNS)(star)
    assert torch.isfinite(values).all()
    possible = 0 <= metallicity <= 1 and 0 <= age <= AGE_MAX
    assert bool(torch.isfinite(log_det)) == possible
    assert possible or float(log_det) == -math.inf


def test_canonical_keeps_age_and_metallicity_in_their_range():
    noise = 50 * torch.randn(1000, 10, dtype=torch.float64, generator=torch.manual_seed(1))
    noise[:, 7:9] /= 50
    stars = Canonical(EDF_COLUMNS).inverse(noise)
    assert torch.isfinite(stars[:, 9]).all()
    assert (stars[:, 9] >= 0).all()
    assert (stars[:, 9] <= AGE_MAX).all()
    assert ((stars[:, 6] >= 0) & (stars[:, 6] <= 1)).all()


def test_canonical_needs_the_phase_space():
    with pytest.raises(ValueError, match="missing \\['vz'\\]"):
        Canonical(("x", "y", "z", "vx", "vy", "age"))


def test_knot_spline_inverts_and_differentiates_beyond_its_knots():
    x = torch.tensor([[-2.0, -0.5, 0.1, 3.0], [0.0, 0.2, 0.9, 1.0]], dtype=torch.float64)
    y = torch.tensor([[-1.0, 0.0, 0.5, 2.0], [-3.0, -1.0, 1.0, 4.0]], dtype=torch.float64)
    spline = KnotSpline(x, y, monotone_slopes(x, y))
    points = torch.linspace(-10, 10, 501, dtype=torch.float64)[:, None].repeat(1, 2)
    image, log_slope = spline(points)
    assert (image.diff(dim=0) > 0).all()
    torch.testing.assert_close(spline.inverse(image), points, rtol=1e-9, atol=1e-9)
    points.requires_grad_()
    (slope,) = torch.autograd.grad(spline(points)[0].sum(), points)
    torch.testing.assert_close(log_slope, torch.log(slope), rtol=1e-7, atol=1e-7)


def test_knot_spline_passes_through_its_knots():
    x = torch.tensor([[0.0, 1.0, 4.0]], dtype=torch.float64)
    y = torch.tensor([[0.0, 3.0, 3.5]], dtype=torch.float64)
    spline = KnotSpline(x, y, monotone_slopes(x, y))
    torch.testing.assert_close(spline(x.T)[0], y.T)


def test_marginals_make_skewed_columns_normal():
    rng = np.random.default_rng(5)
    columns = np.column_stack([rng.exponential(2, 40_000), rng.standard_t(3, 40_000)])
    values = fit_marginals(torch.tensor(columns))(torch.tensor(columns))[0].numpy()
    assert np.abs(values.mean(axis=0)).max() < 0.02
    assert np.abs(values.std(axis=0) - 1).max() < 0.02
    assert np.abs((values**3).mean(axis=0)).max() < 0.1


def test_marginals_survive_repeated_values():
    column = torch.cat([torch.zeros(500), torch.linspace(0, 1, 500)]).double()[:, None]
    spline = fit_marginals(column)
    torch.testing.assert_close(spline.inverse(spline(column)[0]), column, rtol=0, atol=1e-9)


def test_context_saturates_outside_the_training_range():
    context = torch.tensor([[9.0, 5.0, 1.0, 0.001], [11.0, 8.0, 3.0, 0.02]], dtype=torch.float64)
    transform = ContextTransform.fit(NAMES, context)
    far = transform(torch.tensor([[30.0, 5.0, 1.0, 0.001]]))
    assert float(far[0, 0]) == pytest.approx(float(transform.high[0]) + 1, abs=1e-6)
    inside = transform(context)
    torch.testing.assert_close(inside.mean(0), torch.zeros(4, dtype=torch.float64))


def test_constant_context_is_harmless():
    context = torch.full((3, 4), 2.0, dtype=torch.float64)
    assert torch.isfinite(ContextTransform.fit(NAMES, context)(context)).all()


def test_context_scale_recovers_how_size_follows_mass():
    columns = PHASE_SPACE
    stars, context = galaxies(columns, count=60, n=2000)
    transform = ContextTransform.fit(NAMES, context)
    canonical = Canonical(columns)
    scale = ContextScale.fit(columns, [canonical(s)[0] for s in stars], transform(context))
    location, _ = scale.location_and_log_scale(transform(context))
    slope = np.polyfit(context[:, 0], location[:, 0], 1)[0]
    assert slope == pytest.approx(0.3 * math.log(10), rel=0.05)


def test_polynomial_degree_follows_the_number_of_galaxies():
    stars, context = galaxies(PHASE_SPACE, count=110, n=50)
    canonical = [Canonical(PHASE_SPACE)(s)[0] for s in stars]
    for count, degree in ((1, 0), (14, 0), (15, 1), (44, 1), (45, 2), (104, 2), (105, 3)):
        standard = ContextTransform.fit(NAMES, context[:count])(context[:count])
        scale = ContextScale.fit(PHASE_SPACE, canonical[:count], standard)
        assert scale.degree == degree
        assert len(scale.location) == polynomial_features(standard, degree).shape[1]


@pytest.mark.parametrize("columns", SCHEMAS)
def test_star_transform_round_trip_and_jacobian(columns):
    stars, context = galaxies(columns)
    standard = ContextTransform.fit(NAMES, context)(context)
    transform = StarTransform.fit(columns, stars, standard)
    coordinates, log_det = transform(stars[3], standard[3:4])
    torch.testing.assert_close(
        transform.inverse(coordinates, standard[3:4]), stars[3], rtol=1e-8, atol=1e-8
    )
    expected = jacobian_log_det(lambda s: transform(s, standard[3:4])[0], stars[3][:40])
    torch.testing.assert_close(log_det[:40], expected, rtol=1e-8, atol=1e-7)
    pooled = torch.cat([transform(s, standard[i : i + 1])[0] for i, s in enumerate(stars)])
    assert float(pooled.mean(0).abs().max()) < 0.1
    assert float((pooled.std(0) - 1).abs().max()) < 0.1
