"""The table of the live benchmark: each measurement beside its goal and the baseline."""

# What, unit, where in the result, upper limit (a negative one is a lower limit).
ROWS = [
    ("key step to changed pixels", "ms", "key", 100),
    ("  in a row, each on the picture", "ms", "key in a row", 100),
    ("  while the last is being refined", "ms", "key while refining", 100),
    ("drag for 4 s: frames per second", "1/s", "drag/frames_per_second", -12),
    ("  age of the value on the screen", "ms", "drag/staleness", 150),
    ("release to the refined picture", "ms", "release/refined", 1000),
    ("slow link: key step", "ms", "link/key", 350),
    ("  in a row, each on the picture", "ms", "link/key in a row", 350),
    ("  while the last is being refined", "ms", "link/key while refining", 350),
    ("  drag: frames per second", "1/s", "link/drag/frames_per_second", None),
    ("  age of the value on the screen", "ms", "link/drag/staleness", None),
    ("  release to the last value", "ms", "link/drag/last_value", 350),
    ("  release to the refined picture", "ms", "link/drag/refined", None),
    ("memory of the kernel, highest", "MB", "memory/highest", 700),
    ("  drift after warming up", "MB", "memory/drift", 20),
]


def look_up(result, path):
    """The entry at a path of keys, or None."""
    for key in path.split("/"):
        result = result.get(key) if result else None
    return result


def judged(entry):
    """The number that a goal is about: the 95th percentile where there is one."""
    return entry["p95"] if isinstance(entry, dict) else entry


def text(entry):
    """Median and 95th percentile, or the number itself."""
    if entry is None:
        return "–"
    if isinstance(entry, dict):
        return f"{entry['median']:.0f} / {entry['p95']:.0f}"
    return f"{entry:.1f}"


def verdict(entry, limit):
    """Whether the goal is met."""
    if limit is None or entry is None:
        return ""
    met = judged(entry) >= -limit if limit < 0 else abs(judged(entry)) <= limit
    return "yes" if met else "NO"


def show(result):
    """Print the table, then where the time of a key step goes."""
    explorer, baseline = result["explorer"], result.get("baseline", {})
    print(
        f"{'median / p95':<40} {'unit':<4} {'goal':>7} {'explorer':>13} {'met':<4} {'baseline':>13}"
    )
    for name, unit, path, limit in ROWS:
        entry = look_up(explorer, path)
        goal = "" if limit is None else f"≥ {-limit}" if limit < 0 else f"≤ {limit}"
        print(
            f"{name:<40} {unit:<4} {goal:>7} {text(entry):>13} {verdict(entry, limit):<4}"
            f" {text(look_up(baseline, path)):>13}"
        )
    for app, numbers in result.items():
        for path in ("key", "key in a row", "key while refining", "link/key"):
            if entry := look_up(numbers, path):
                explain(f"{app}, {path}", entry)
        for name, part in (("", numbers), (", slow link", numbers.get("link"))):
            if part:
                rates = "{moves_per_second:.0f} moves/s, {kilobytes_per_second:.0f} kB/s"
                print(f"{app}{name}: {rates.format(**part['drag'])} while dragging")
    print(f"status line at the end: {look_up(explorer, 'release/status')}")


def explain(name, entry):
    """Where the time of a key step goes [ms]: median shares, processor time by program."""
    shares = ", ".join(f"{part} {span:.0f}" for part, span in entry["stages"].items())
    spent = ", ".join(f"{program} {span:.0f}" for program, span in entry["cpu"].items())
    print(f"{name}: {shares}")
    print(f"    CPU per step [ms]: {spent}; other programs: {entry['others']:.1f} cores")
