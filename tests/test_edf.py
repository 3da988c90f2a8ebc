"""EDF: a density in physical units that integrates to one and agrees with its samples."""

import copy

import numpy as np
import pytest
import torch
from astropy import units as u
from astropy.table import QTable
from scipy.spatial.distance import cdist
from scipy.special import gammaln

import galflowlab
from galflowlab import parallel
from galflowlab.schema import COLUMNS, EDF_COLUMNS, star_matrix

CONTEXT = {"log10_mstar": 9.8}


def test_columns_and_units(edf):
    assert edf.columns == EDF_COLUMNS
    assert edf.context_names == ("log10_mstar", "age_p50", "age_p10", "mean_metallicity")
    stars = edf.sample(100, CONTEXT, seed=1)
    assert isinstance(stars, QTable)
    assert stars.colnames == [*EDF_COLUMNS, "mass"]
    assert all(stars[c].unit == COLUMNS[c].unit for c in stars.colnames)
    assert stars["mass"].sum().to_value(u.Msun) == pytest.approx(10**9.8, rel=1e-5)
    assert all(np.isfinite(stars[c].value).all() for c in stars.colnames)


def test_log_prob_is_the_change_of_variables(edf):
    """Against autograd through the whole chain, in double precision."""
    model = copy.deepcopy(edf._model).double()
    full = edf.population.complete(CONTEXT)
    row = torch.tensor([[full[name] for name in edf.context_names]], dtype=torch.float64)
    stars = edf.sample(40, CONTEXT, seed=2)
    x = torch.from_numpy(star_matrix(stars, edf.columns))
    jacobian = torch.autograd.functional.jacobian(lambda s: model(s, row)[0].sum(0), x)
    log_det = torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet
    with torch.no_grad():
        noise, _ = model(x, row)
    expected = log_det + torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(1)
    np.testing.assert_allclose(edf.log_prob(stars, CONTEXT), expected.numpy(), atol=2e-3)


def by_hand(stars):
    """Cylindrical, logarithmic coordinates and their Jacobian, written independently."""
    s = {c: np.asarray(stars[c], dtype=float) for c in EDF_COLUMNS}
    R = np.hypot(s["x"], s["y"])
    phi = np.arctan2(s["y"], s["x"])
    coordinates = np.column_stack(
        [
            np.log(R),
            np.arcsinh(s["z"] / 0.3),
            s["vx"] * np.cos(phi) + s["vy"] * np.sin(phi),
            s["vy"] * np.cos(phi) - s["vx"] * np.sin(phi),
            s["vz"],
            np.log10(s["metallicity"]) - s["fe_h"],
            s["fe_h"],
            s["o_fe"],
            np.log(s["age"] / (14 - s["age"])),
        ]
    )
    log_jacobian = (
        -2 * np.log(R)
        - np.log(2 * np.pi)  # azimuth: uniform
        - 0.5 * np.log(s["z"] ** 2 + 0.3**2)
        - np.log(s["metallicity"] * np.log(10))
        + np.log(14 / (s["age"] * (14 - s["age"])))
    )
    return coordinates, log_jacobian


def from_hand(coordinates, phi):
    ln_R, z, v_R, v_phi, v_z, z_fe, fe_h, o_fe, age = coordinates.T
    return {
        "x": np.exp(ln_R) * np.cos(phi),
        "y": np.exp(ln_R) * np.sin(phi),
        "z": 0.3 * np.sinh(z),
        "vx": v_R * np.cos(phi) - v_phi * np.sin(phi),
        "vy": v_R * np.sin(phi) + v_phi * np.cos(phi),
        "vz": v_z,
        "metallicity": 10 ** (z_fe + fe_h),
        "fe_h": fe_h,
        "o_fe": o_fe,
        "age": 14 / (1 + np.exp(-age)),
    }


def kernel_proposal(coordinates, n, seed, width=0.45, df=5):
    """Draw from heavy-tailed kernels around `coordinates`; returns points and log density."""
    rng = np.random.default_rng(seed)
    factor = np.linalg.cholesky(np.cov(coordinates.T))
    centres = np.linalg.solve(factor, coordinates.T).T
    d = centres.shape[1]
    heavy = rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(df, n) / df)[:, None]
    points = centres[rng.integers(len(centres), size=n)] + width * heavy
    log_q = np.empty(n)
    for chunk in np.array_split(np.arange(n), n // 5000):
        distance = cdist(points[chunk], centres, "sqeuclidean") / width**2
        log_q[chunk] = np.log(np.mean((1 + distance / df) ** (-(df + d) / 2), axis=1))
    log_norm = gammaln((df + d) / 2) - gammaln(df / 2) - 0.5 * d * np.log(df * np.pi * width**2)
    return points @ factor.T, log_q + log_norm - np.log(np.diag(factor)).sum()


@pytest.mark.slow
def test_density_integrates_to_one_and_agrees_with_samples(edf):
    """Importance sampling of the ten-dimensional integral in physical units.

    The proposal is made of heavy-tailed kernels in coordinates written for this test, so
    neither the transforms nor the flow enters twice.
    """
    pilot = edf.sample(1500, CONTEXT, seed=5)
    coordinates, _ = by_hand({c: pilot[c].value for c in EDF_COLUMNS})
    n = 200_000
    drawn, log_proposal = kernel_proposal(coordinates, n, seed=7)
    stars = from_hand(drawn, np.random.default_rng(8).uniform(-np.pi, np.pi, n))
    _, log_jacobian = by_hand(stars)
    weight = np.exp(edf.log_prob(stars, CONTEXT) - log_proposal - log_jacobian)
    assert weight.std() / np.sqrt(n) < 0.01
    assert weight.mean() == pytest.approx(1, abs=0.02)

    sample = edf.sample(60_000, CONTEXT, seed=9)
    boxes = [
        lambda s: (np.hypot(s["x"], s["y"]) < 3) & (np.abs(s["z"]) < 0.3) & (s["age"] < 6),
        lambda s: (s["x"] > 0) & (s["vx"] > 0) & (s["fe_h"] > -0.5),
        lambda s: (s["age"] > 8) & (s["o_fe"] > 0.1) & (np.abs(s["vz"]) < 30),
    ]
    for box in boxes:
        inside = box({c: sample[c].value for c in EDF_COLUMNS})
        integral = (weight * box(stars)).mean()
        sigma = np.hypot((weight * box(stars)).std() / np.sqrt(n), inside.std() / np.sqrt(60_000))
        assert inside.mean() == pytest.approx(integral, abs=5 * sigma)
        assert 0.02 < integral < 0.9


def test_seed_decides_the_stars(edf):
    first = edf.sample(500, CONTEXT, seed=3)
    again = edf.sample(500, CONTEXT, seed=np.random.default_rng(3))
    other = edf.sample(500, CONTEXT, seed=4)
    assert all((first[c] == again[c]).all() for c in first.colnames)
    assert not np.allclose(first["x"].value, other["x"].value)


def test_fewer_stars_are_the_first_of_more(edf):
    few, many = edf.sample(300, CONTEXT, seed=3), edf.sample(9000, CONTEXT, seed=3)
    for column in edf.columns:
        np.testing.assert_allclose(
            few[column].value, many[column].value[:300], rtol=1e-3, atol=1e-4
        )


def test_stars_move_smoothly_with_the_context(edf):
    a = edf.sample(2000, {"log10_mstar": 9.8}, seed=3)
    b = edf.sample(2000, {"log10_mstar": 9.801}, seed=3)
    for column in ("x", "vy", "fe_h", "age"):
        step = np.abs(a[column].value - b[column].value)
        assert np.median(step) < 0.02 * a[column].value.std()


def test_result_does_not_depend_on_chunks(edf, monkeypatch):
    stars = edf.sample(5000, CONTEXT, seed=3)
    density = edf.log_prob(stars, CONTEXT)
    monkeypatch.setattr(parallel, "CHUNK", 611)
    np.testing.assert_allclose(
        edf.sample(5000, CONTEXT, seed=3)["x"].value, stars["x"].value, rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(edf.log_prob(stars, CONTEXT), density, atol=1e-3)


def test_round_trip_of_a_trained_model(edf):
    full = edf.population.complete(CONTEXT)
    row = torch.tensor([[full[name] for name in edf.context_names]], dtype=torch.float64)
    noise = torch.randn(5000, len(edf.columns), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        back, _ = edf._model(edf._model.inverse(noise, row), row)
    assert float((back - noise).abs().max()) < 1e-3
    assert float((back - noise).abs().quantile(0.999)) < 1e-4


def test_save_and_load(edf, tmp_path):
    path = edf.save(tmp_path / "model.safetensors")
    again = galflowlab.load(path)
    assert again.card == edf.card
    assert again.preset == edf.preset
    stars = edf.sample(200, CONTEXT, seed=1)
    assert (again.sample(200, CONTEXT, seed=1)["vx"] == stars["vx"]).all()
    np.testing.assert_allclose(
        again.log_prob(stars, CONTEXT), edf.log_prob(stars, CONTEXT), rtol=1e-12
    )


def test_density_is_zero_outside_the_support(edf):
    stars = {c: edf.sample(3, CONTEXT, seed=1)[c].value.astype(float) for c in edf.columns}
    stars["age"] = np.array([-0.5, 14.5, 3.0])
    log_prob = edf.log_prob(stars, CONTEXT)
    assert np.isneginf(log_prob[:2]).all()
    assert np.isfinite(log_prob[2])


def test_zero_stars_have_zero_densities(edf):
    assert edf.log_prob({c: np.empty(0) for c in edf.columns}, CONTEXT).shape == (0,)


def test_bad_input_is_refused(edf):
    stars = edf.sample(4, CONTEXT, seed=1)
    with pytest.raises(ValueError, match=r"unknown context \['mass'\]; valid entries: log10_mstar"):
        edf.sample(10, {"mass": 1}, seed=1)
    with pytest.raises(ValueError, match="should be finite"):
        edf.log_prob(stars, {"log10_mstar": np.nan})
    with pytest.raises(ValueError, match="at least one star, got n=0"):
        edf.sample(0, CONTEXT, seed=1)
    with pytest.raises(TypeError):
        edf.sample(1.5, CONTEXT, seed=1)
    with pytest.raises(ValueError, match="missing star column 'age'"):
        edf.log_prob({c: stars[c] for c in edf.columns if c != "age"}, CONTEXT)
    broken = {c: stars[c].value.astype(float) for c in edf.columns}
    broken["vx"][1] = np.nan
    with pytest.raises(ValueError, match=r"not finite in \['vx'\]"):
        edf.log_prob(broken, CONTEXT)


def test_load_refuses_unknown_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a file nor one of the embedded models"):
        galflowlab.load("no-such-model")
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="not a safetensors file"):
        galflowlab.load(tmp_path / "x.safetensors")
