"""What the files of a catalogue are: Parquet, the same bytes from the same stars.

Columns are float32 in the units of `schema.COLUMNS`, in row groups of 65 536 stars with a
checksum on every page. The units stand where astropy keeps them and the header where
`galflowlab.read` finds it, so that every file is a galaxy; no time and no host is written. Bytes
split by significance (BYTE_STREAM_SPLIT) under zstd take a tenth less room than plain ones, for a
twentieth of the time that drawing the stars takes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.table import meta, serialize
from pyarrow import ArrowException, parquet

from galflowlab.files import one_line, replacing
from galflowlab.schema import as_stars

_HEADER = "galflow"  # entry of the metadata that `tables.read_table` looks for
_ASTROPY = b"table_meta_yaml"  # where astropy keeps units and metadata in a Parquet file
ROW_GROUP = 1 << 16  # stars; larger ones take memory and no less time
_PLACE = "galflowlab-header"
_CONSTANT = "mass"  # the same for all stars: a dictionary of one


def schema_of(columns: Iterable[str], header: Mapping[str, Any]) -> pa.Schema:
    """Schema of a file of stars with a header like those of `Galaxy.write`."""
    columns = tuple(columns)
    # JSON of ASCII is YAML, and so is the string that holds it.
    text = json.dumps(json.dumps(header, allow_nan=False))
    lines = _units_and_header(columns).replace(_PLACE, text)
    return pa.schema([(name, pa.float32()) for name in columns], metadata={_ASTROPY: lines})


@lru_cache(maxsize=8)
def _units_and_header(columns: tuple[str, ...]) -> str:
    """Astropy's YAML about columns, with `_PLACE` where the header belongs.

    Making it takes a tenth of the time that drawing a small galaxy does.
    """
    empty = as_stars({name: np.empty(0, np.float32) for name in columns})[list(columns)]
    empty.meta = {_HEADER: _PLACE}
    return "\n".join(meta.get_yaml_from_table(serialize.represent_mixins_as_columns(empty)))


def write_stars(path: Path, schema: pa.Schema, blocks: Iterable[dict[str, np.ndarray]]) -> None:
    """Write blocks of stars, a row group each; the file appears whole or not at all.

    Raises
    ------
    OSError
        If the disk refuses it; names the file.
    """
    try:
        with replacing(path) as partial:
            with parquet.ParquetWriter(
                partial,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in schema.names if name == _CONSTANT],
                use_byte_stream_split=[name for name in schema.names if name != _CONSTANT],
                write_statistics=False,
                write_page_checksum=True,
            ) as writer:
                for block in blocks:
                    arrays = [pa.array(block[name]) for name in schema.names]
                    table = pa.Table.from_arrays(arrays, schema=schema)
                    writer.write_table(table, row_group_size=len(table))
            with partial.open("rb") as file:  # whole on the disk before it has its name
                os.fsync(file.fileno())
    except (ArrowException, OSError) as error:
        raise OSError(f"{path}: cannot be written ({one_line(error)})") from error


def is_whole(path: Path, schema: pa.Schema, stars: int) -> bool:
    """Whether a file ends as it should and has this schema and number of stars.

    Its pages are not read; they have checksums, by which readers notice damage.
    """
    try:
        file = parquet.ParquetFile(path)
    except (ArrowException, OSError):
        return False
    with file:
        found: pa.Schema = file.schema_arrow
        return file.metadata.num_rows == stars and found.equals(schema, check_metadata=True)
