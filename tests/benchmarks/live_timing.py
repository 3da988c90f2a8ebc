"""From what the page recorded to latencies, staleness and frame rates [ms, 1/s]."""

import re

import numpy as np

_MILLISECONDS = re.compile(r"(\d+) ms").findall


def summary(values):
    """Median and 95th percentile."""
    if not len(values):
        return None
    median, p95 = np.percentile(values, [50, 95])
    return {"n": len(values), "median": float(median), "p95": float(p95)}


def _shows(frame, value, scale):
    offset, step = scale
    return abs(frame["shown"] - offset - step * value["value"]) < 0.5 * abs(step)


def _first_frame(log, value):
    """The first frame that shows a value; None if it changed no pixel."""
    late = (f for f in log["frames"] if f["t"] > value["t"] and _shows(f, value, log["scale"]))
    return next(late, None)


def _steps(log):
    pairs = ((value, _first_frame(log, value)) for value in log["values"])
    return [(value, frame) for value, frame in pairs if frame]


def latencies(log):
    """Time from each key to the first frame with changed pixels that show its value."""
    return [frame["t"] - value["t"] for value, frame in _steps(log)]


def stages(log):
    """Median share of each stage of a key step, and what the kernel says it took itself."""
    shares = []
    for value, frame in _steps(log):
        received = frame["received"]
        sent = next(t for t in log["sent"] if t >= value["t"])
        times = [value["t"], sent, received["at"], frame["drawn"], frame["t"]]
        shares.append([*np.diff(times), received["size"] / 1e3])
    names = ("key to message", "to picture", "to drawn", "to frame", "kB")
    result = dict(zip(names, np.median(shares, axis=0).tolist(), strict=True))
    said = [m for _, text in log["status"] if "preview" in text for m in _MILLISECONDS(text)]
    return result | ({"kernel says": float(np.median([*map(int, said)]))} if said else {})


def drag(log):
    """Frame rate and staleness during one drag, and what came after its end."""
    times = {
        kind: [t for k, t in log["inputs"] if k == kind] for kind in ("pointermove", "pointerup")
    }
    start, end = times["pointermove"][0], times["pointerup"][-1]
    seconds = (end - start) / 1000
    shown = [f for f in log["frames"] if start < f["t"] <= end]
    last = log["values"][-1]
    final = _first_frame(log, last) or log["frames"][-1]
    return {
        "frames_per_second": len(shown) / seconds,
        "moves_per_second": len(times["pointermove"]) / seconds,
        "kilobytes_per_second": sum(n for t, n in log["came"] if start < t <= end) / 1e3 / seconds,
        "staleness": staleness(log, shown),
        "last_value": max(0.0, final["t"] - end),
        "refined": max(0.0, _refined(log, last["t"], final["t"]) - end),
    }


def _refined(log, since, shown):
    """When all stars were drawn, as the status line says; without one, the last frame."""
    said = (t for t, text in log["status"] if t > since and "refined" in text)
    return max(shown, next(said, log["frames"][-1]["t"]))


def staleness(log, frames):
    """Age of the value in each frame; in one drag no value comes twice."""
    pairs = ((f, v) for f in frames for v in log["values"] if _shows(f, v, log["scale"]))
    return [frame["t"] - value["t"] for frame, value in pairs]
