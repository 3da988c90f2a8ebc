"""Snapshots as simulation codes write them, for tests."""

import h5py
import numpy as np

N = 50
A, H = 0.8, 0.6774  # scale factor and h of all of them
KPC, MSUN = 3.085678e21, 1.989e33  # cm and g, as these codes have them
COSMOLOGY = {"HubbleParam": H, "Omega0": 0.3089, "OmegaLambda": 0.6911}
HEADER = {"Time": A, "Redshift": 1 / A - 1, "BoxSize": 75_000.0, **COSMOLOGY}
CGS = {"UnitLength_in_cm": KPC, "UnitMass_in_g": 1e10 * MSUN, "UnitVelocity_in_cm_per_s": 1e5}
GIZMO_CGS = {
    "UnitLength_In_CGS": KPC / H,
    "UnitMass_In_CGS": 1e10 * MSUN / H,
    "UnitVelocity_In_CGS": 1e5,
}
TNG_SCALING = {  # a, h, length, mass, velocity, factor to CGS
    "Coordinates": (1.0, -1.0, 1.0, 0.0, 0.0, KPC),
    "Velocities": (0.5, 0.0, 0.0, 0.0, 1.0, 1e5),
    "Masses": (0.0, -1.0, 0.0, 1.0, 0.0, 1e10 * MSUN),
    "GFM_StellarFormationTime": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "GFM_Metallicity": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
TNG_KEYS = (
    "a_scaling",
    "h_scaling",
    "length_scaling",
    "mass_scaling",
    "velocity_scaling",
    "to_cgs",
)
SOLAR_LIKE = [0.73, 0.25, 2e-3, 7e-4, 6e-3, 1e-3, 7e-4, 7e-4, 1.2e-3]  # H He C N O Ne Mg Si Fe


def phase_space(seed=0, n=N, far=30_000.0):
    """Positions, velocities and masses in kpc/h, km/s and 1e10 Msun/h."""
    rng = np.random.default_rng(seed)
    return {
        "Coordinates": far + 5.0 * rng.normal(size=(n, 3)),
        "Velocities": (100 * rng.normal(size=(n, 3))).astype(np.float32),
        "Masses": rng.uniform(1e-4, 2e-4, n).astype(np.float32),
        "ParticleIDs": np.arange(n, dtype=np.uint64) + 1000 * seed,
    }


def formation(seed=0, n=N):
    return np.random.default_rng(seed + 1).uniform(0.1, A, n).astype(np.float32)


def write(path, stars, header=HEADER, **groups):
    """Write a file with a header, stars and groups that have only attributes."""
    counts = np.array([0, 0, 0, 0, len(stars["Masses"]), 0], np.uint32)
    numbers = {"NumPart_ThisFile": counts, "NumPart_Total": counts, "NumFilesPerSnapshot": 1}
    with h5py.File(path, "w") as file:
        file.create_group("Header").attrs.update(numbers | header)
        for name, values in stars.items():
            file[f"PartType4/{name}"] = values
        for name, attributes in groups.items():
            file.create_group(name).attrs.update(attributes)
    return path


def tng_stars(seed=0, n=N, width=10, wind=0):
    """Stars of a TNG (10 columns of metals) or Illustris cut-out (9), some of them wind."""
    rng = np.random.default_rng(seed + 2)
    metals = np.zeros((n, width), np.float32)
    metals[:, :9] = SOLAR_LIKE * rng.uniform(0.5, 1.5, (n, 1))
    born = formation(seed, n)
    born[:wind] = -0.7
    return phase_space(seed, n) | {
        "GFM_StellarFormationTime": born,
        "GFM_Metals": metals,
        "GFM_Metallicity": metals[:, 2:].sum(1),
    }


def write_tng_snapshot(path, **options):
    """A TNG snapshot: units in the attributes of each dataset and in Parameters."""
    parameters = {**CGS, **COSMOLOGY}
    write(path, tng_stars(**options), Config={"VORONOI": ""}, Parameters=parameters)
    with h5py.File(path, "a") as file:
        for name, values in TNG_SCALING.items():
            attributes = dict(zip(TNG_KEYS, values, strict=True))
            file[f"PartType4/{name}"].attrs.update(attributes)
    return path


def write_chunks(folder, name="snap_099", files=3, **options):
    """A snapshot in several files, the second of them without stars."""
    stars, total = tng_stars(**options), options.get("n", N)
    edges = [0, total // 2, total // 2, total][: files + 1]
    paths = []
    for i in range(files):
        part = {key: values[edges[i] : edges[i + 1]] for key, values in stars.items()}
        count = np.array([0, 0, 0, 0, total, 0], np.uint32)
        header = HEADER | {"NumFilesPerSnapshot": files, "NumPart_Total": count}
        paths.append(write(folder / f"{name}.{i}.hdf5", part, header))
        if not len(part["Masses"]):
            with h5py.File(paths[-1], "a") as file:
                del file["PartType4"]
    return paths


def gizmo_stars(seed=0, n=N, width=15):
    """Stars of Gizmo: Z, He, C, N, O, Ne, Mg, Si, S, Ca, Fe and tracers of the r-process."""
    rng = np.random.default_rng(seed + 3)
    table = np.zeros((n, width), np.float32)
    fractions = [0.0134, 0.25, 2e-3, 7e-4, 6e-3, 1e-3, 7e-4, 7e-4, 3e-4, 6e-5, 1.2e-3]
    table[:, :11] = fractions * rng.uniform(0.5, 1.5, (n, 1))
    stars = {"StellarFormationTime": formation(seed, n), "Metallicity": table}
    return phase_space(seed, n) | stars


def write_gizmo(path, units=GIZMO_CGS, header=HEADER, **options):
    """A FIRE snapshot; with `units` empty, as FIRE-2 has them."""
    write(path, gizmo_stars(**options), header | units)
    with h5py.File(path, "a") as file:  # by which pynbody recognises Gizmo
        file["PartType0/ParticleIDGenerationNumber"] = np.zeros(1)
        file["PartType0/ParticleIDs"] = np.zeros(1, np.uint64)
        for name, width in (("Coordinates", 3), ("Velocities", 3), ("Masses", 1)):
            shape = (1, 3) if width == 3 else (1,)
            file[f"PartType0/{name}"] = np.zeros(shape)
    return path


SWIFT_EXPONENTS = {  # dataset: factor to CGS, exponents of a, U_L, U_M and U_t
    "Coordinates": (1e3 * KPC, 1.0, 1.0, 0.0, 0.0),
    "Velocities": (1e5, 0.0, 1.0, 0.0, -1.0),
    "Masses": (1e10 * MSUN, 0.0, 0.0, 1.0, 0.0),
}


def swift_stars(seed=0, n=N):
    stars = phase_space(seed, n, far=0.0)
    rng = np.random.default_rng(seed + 4)
    stars["Coordinates"] = 20.0 + stars["Coordinates"] * 1e-3  # Mpc
    elements = np.array(SOLAR_LIKE) * rng.uniform(0.5, 1.5, (n, 1))
    metals = elements[:, 2:].sum(1)
    chemistry = {"ElementMassFractions": elements, "MetalMassFractions": metals}
    return stars | {"BirthScaleFactors": formation(seed, n)} | chemistry


def write_swift(path, physical=(), **options):
    """A SWIFT snapshot; datasets named in `physical` are stored without the comoving factor."""
    header = {
        "Redshift": [1 / A - 1],
        "Time": [0.01],
        "BoxSize": [100.0, 100.0, 100.0],
        "Dimension": [3],
        "RunName": b"EAGLE-like",
    }
    cosmology = {
        "Cosmological run": [1],
        "Scale-factor": [A],
        "Redshift": [1 / A - 1],
        "h": [H],
        "Omega_m": [0.3089],
        "Omega_lambda": [0.6911],
        "Omega_b": [0.05],
        "Omega_cdm": [0.2589],
        "Omega_nu_0": [0.0],
    }
    time = 1e3 * KPC / 1e5
    units = {
        "Unit length in cgs (U_L)": [1e3 * KPC],
        "Unit mass in cgs (U_M)": [1e10 * MSUN],
        "Unit time in cgs (U_t)": [time],
        "Unit temperature in cgs (U_T)": [1.0],
        "Unit current in cgs (U_I)": [1.0],
    }
    groups = {"Cosmology": cosmology, "Units": units, "InternalCodeUnits": units, "Policy": {}}
    stars = swift_stars(**options)
    for name in physical:
        stars[name] = stars[name] * A ** SWIFT_EXPONENTS[name][1]
    write(path, stars, header, Parameters={"FOF:group_id_default": b"0"}, **groups)
    names = [b"Hydrogen", b"Helium", b"Carbon", b"Nitrogen", b"Oxygen", b"Neon", b"Magnesium"]
    with h5py.File(path, "a") as file:
        columns = np.array([*names, b"Silicon", b"Iron"])
        file["SubgridScheme/NamedColumns/ElementMassFractions"] = columns
        for name, (cgs, a, length, mass, time_power) in SWIFT_EXPONENTS.items():
            file[f"PartType4/{name}"].attrs.update(
                {
                    "Conversion factor to CGS (not including cosmological corrections)": [cgs],
                    "a-scale exponent": [a],
                    "h-scale exponent": [0.0],
                    "U_L exponent": [length],
                    "U_M exponent": [mass],
                    "U_t exponent": [time_power],
                    "Value stored as physical": [int(name in physical)],
                }
            )
    return path
