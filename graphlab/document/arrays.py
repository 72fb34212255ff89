"""Named arrays as ``.npz`` bytes, without pickle, and with every size checked before anything is allocated."""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO

import numpy as np

from graphlab.document.codec import FormatError
from graphlab.engine.op import Array

MAX_BYTES = 4 * 2**30
MAX_ARRAYS = 200_000
MAX_HEADER = 10_000
MAX_RANK = 32
_HEADER = re.compile(r"\{'descr': '([<>|=]?(?:f[248]|[iu][1248]|b1))', 'fortran_order': (True|False), "
                     r"'shape': \(([0-9, ]*)\),? ?\}")
#: What a compressed archive may unpack to where it is small, and how many times its size where it is not.
FREE_BYTES, MAX_RATIO = 64 * 2**20, 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
ZIP_ERRORS = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
              ValueError, OverflowError, KeyError, IndexError, UnicodeError, OSError)


def member(name: str, compressed: bool) -> zipfile.ZipInfo:
    """Return an entry of a zip without time or owner, so that equal content gives equal bytes."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    return info


def write_arrays(arrays: Mapping[str, Array]) -> bytes:
    """Write arrays as an uncompressed ``.npz`` that NumPy reads as well."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        for name, array in arrays.items():
            with z.open(member(f"{name}.npy", False), "w", force_zip64=True) as f:
                np.lib.format.write_array(f, np.asarray(array, order="C"), allow_pickle=False)
    return buffer.getvalue()


def check_ratio(infos: list[zipfile.ZipInfo], what: str, most: int = MAX_BYTES) -> None:
    """Refuse what would unpack to far more than it is. Raises `FormatError` with the numbers."""
    unpacked, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    if unpacked > most:
        raise FormatError(f"{what} would take {unpacked / 2**20:,.0f} MiB; at most {most / 2**20:,.0f} are read")
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * packed:
        raise FormatError(f"{what} would unpack from {packed / 2**20:,.1f} to {unpacked / 2**20:,.0f} MiB; no file of "
                          "GraphLab does")


def read_arrays(data: bytes, what: str) -> dict[str, Array]:
    """Read arrays from ``.npz`` bytes. Raises `FormatError` where anything is not as it should be."""
    out: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            infos = z.infolist()
            if len(infos) > MAX_ARRAYS:
                raise FormatError(f"{what} hold {len(infos):,} arrays; at most {MAX_ARRAYS:,} are read")
            check_ratio(infos, what)
            for info in infos:
                name = info.filename.removesuffix(".npy")
                if name == info.filename or name in out:
                    raise FormatError(f"{what} have an entry {info.filename[:80]!r} twice, or it is no array")
                with z.open(info) as f:
                    out[name] = _array(f, info.file_size, f"{what}, array {name[:80]!r}")
    except ZIP_ERRORS as e:
        raise FormatError(f"{what} cannot be read: {e}") from None
    return out


def _array(f: IO[bytes], size: int, what: str) -> Array:
    """Read one array; its header has to agree with the size of its entry before numbers are read."""
    magic = f.read(8)
    long = magic == b"\x93NUMPY\x02\x00"
    if magic != b"\x93NUMPY\x01\x00" and not long:
        raise FormatError(f"{what}: it is no array of NumPy's format 1 or 2")
    length = int.from_bytes(f.read(4 if long else 2), "little")
    # NumPy's own reader evaluates the header as Python; what it writes needs no more than this.
    header = _HEADER.fullmatch(f.read(length).decode("latin-1").strip()) if length <= MAX_HEADER else None
    if header is None:
        raise FormatError(f"{what}: its header does not describe plain numbers")
    dtype, shape = np.dtype(header[1]), tuple(int(n) for n in header[3].split(",") if n.strip())
    need, have = math.prod(shape) * dtype.itemsize, size - f.tell()
    if need != have or max(shape, default=0) > MAX_BYTES or len(shape) > MAX_RANK:
        raise FormatError(f"{what}: the shape ({header[3][:80]}) needs {need:,} bytes; it has {have:,}")
    numbers = np.frombuffer(f.read(have), dtype)
    array: Array = numbers.reshape(shape[::-1]).T if header[2] == "True" else numbers.reshape(shape)
    return np.array(array, order="C")
