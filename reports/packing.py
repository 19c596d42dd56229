"""Files of the site that are compressed: the same bytes for the same content, whenever and wherever made."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping


def packed(text: str) -> bytes:
    """A table as gzip, which readers of data frames open as it is."""
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def squeezed(raw: bytes) -> bytes:
    """One large file as xz, a quarter smaller than gzip: for what programs read, or people keep."""
    return lzma.compress(raw, preset=6)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files in a zip, by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, raw in sorted(files.items()):
            entry = zipfile.ZipInfo(name)  # dated 1980
            entry.create_system = 3  # Unix, wherever it is made
            archive.writestr(entry, raw, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """Files in a tar with xz, by name: half of a zip where there are hundreds that are much alike."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz", format=tarfile.PAX_FORMAT) as archive:
        for name, raw in sorted(files.items()):
            entry = tarfile.TarInfo(name)  # of nobody, dated 1970
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
    return out.getvalue()
