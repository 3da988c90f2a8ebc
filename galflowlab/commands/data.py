"""What `galflowlab fetch` and `galflowlab data` do."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import galflowlab

_WIDTH = 96


def add_to(sub: argparse._SubParsersAction) -> None:
    """Add the commands to the command line."""
    p = sub.add_parser("fetch", help="download a data set and verify it; run again to resume")
    p.add_argument("name", help="a data set, see `galflowlab data`, or your manifest.toml")
    p.add_argument(
        "--file",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="only these files; patterns like '*.npy' in quotes",
    )
    p.add_argument("--to", type=Path, metavar="DIR", help="folder, default in the user's cache")
    p.add_argument("--offline", action="store_true", help="verify what is there, fetch nothing")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.set_defaults(run=fetch_command)
    p = sub.add_parser("data", help="which data sets are known and present; licence, citation")
    p.add_argument("name", nargs="?", help="all about this one, or about your manifest.toml")
    p.set_defaults(run=data_command)


def fetch_command(arguments: argparse.Namespace) -> None:
    """Fetch a data set and say where it is and whom to cite."""
    source = galflowlab.data.manifest(arguments.name)
    paths = galflowlab.data.fetch(
        arguments.name,
        arguments.file,
        arguments.to,
        offline=arguments.offline,
        progress=not arguments.quiet,
    )
    for path in paths:
        print(path)
    print(f"licence: {_licence(source)}")
    print("please cite:")
    for work in source.citation:
        print(f"  {work}")


def data_command(arguments: argparse.Namespace) -> None:
    """List the data sets, or tell everything about one."""
    if arguments.name:
        _tell(arguments.name)
        return
    for name in galflowlab.data.manifests():
        source = galflowlab.data.manifest(name)
        print(f"{name:10} {source.title}")
        print(_paragraph(f"{'':10}", f"{_amount(name, source)}; licence: {_licence(source)}"))
        for work in source.citation:
            print(_paragraph(f"{'':10}", work))
    print(f"cache: {galflowlab.data.cache_folder()}; `galflowlab data NAME` tells more")


def _tell(name: str) -> None:
    source = galflowlab.data.manifest(name)
    print(f"{source.title}\n")
    print(textwrap.fill(source.description.strip(), _WIDTH))
    rows = {
        "files": source.files,
        "present": f"{_amount(name, source)}, {galflowlab.data.fetching.data_folder(source.name)}",
        "how": source.how,
        "DOI": source.doi,
        "page": source.page,
        "licence": _licence(source),
        "reader": source.reader or "none: these are not star particles",
        "columns": " ".join(source.columns),
        "units": source.units,
        "cosmology": source.cosmology,
    }
    print()
    for key, text in rows.items():
        if text:
            print(_paragraph(f"{key:10}", text))
    for key, texts in (("cite", source.citation), ("before use", source.know_before_use)):
        for i, text in enumerate(texts):
            print(_paragraph(f"{key if i == 0 else '':10}", text))


def _paragraph(first: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"{first} ",
        subsequent_indent=" " * (len(first) + 1),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _amount(name: str, source: galflowlab.data.Manifest) -> str:
    if source.origin == "generated":
        return "made, not fetched"
    files = galflowlab.data.present(name)
    if not files:
        return "not present"
    size = sum(file.stat().st_size for file in files)
    return f"{len(files)} file{'s' * (len(files) > 1)}, {_in_words(size)}"


def _in_words(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def _licence(source: galflowlab.data.Manifest) -> str:
    """What the manifest says, with what the record said when it was last fetched."""
    from galflowlab.data.fetching.lock import read_pinned
    from galflowlab.data.fetching.places import lock_file

    record = read_pinned(lock_file(source.name)).licence
    return f"{source.licence.rstrip('.')} ({record})" if record else source.licence.rstrip(".")
