"""Which compressions can be decoded here, and sizes that no real image has."""

from .Errors import Finding

# Decoded by SimpleITK's GDCM: implicit, explicit, deflated, big endian, JPEG, JPEG lossless, JPEG-LS, JPEG 2000, RLE.
BY_SIMPLEITK = frozenset(
    f"1.2.840.10008.1.2{tail}"
    for tail in ("", ".1", ".1.99", ".2", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".5")
)
# High-throughput JPEG 2000, by pylibjpeg-openjpeg.
BY_OPENJPEG = frozenset(f"1.2.840.10008.1.2.4.{tail}" for tail in (201, 202, 203))
MOST_PIXELS = 1 << 26
MOST_VOXELS = 1 << 32


def pixelFaults(headers):
    """Yield a rejecting finding for pixels that no decoder here reads, or for absurd sizes."""
    unknown = {}
    for header in headers:
        if header.transferSyntaxUid not in BY_SIMPLEITK | BY_OPENJPEG:
            unknown.setdefault(header.transferSyntaxUid, []).append(header.path)
    for uid, paths in unknown.items():
        message = f"The pixels are stored as {nameOf(uid)}, which cannot be decoded here."
        action = "Fetch the series from the archive again, uncompressed or in a lossless JPEG."
        yield Finding("unknown-transfer-syntax", "reject", message, action, tuple(paths))
    sizes = [(header.rows or 0) * (header.columns or 0) for header in headers]
    if max(sizes) > MOST_PIXELS or sum(sizes) > MOST_VOXELS:
        largest = headers[sizes.index(max(sizes))]
        size = f"{largest.columns:.0f} × {largest.rows:.0f} pixels, {sum(sizes):.0f} in all"
        message = f"Slices of {size}, are no real scan."
        action = "Do not use this series; ask where it came from."
        yield Finding("absurd-size", "reject", message, action, (largest.path,))


def nameOf(uid):
    """Return the name of a transfer syntax with its UID."""
    from pydicom.uid import UID

    name = UID(uid).name
    return f"{name} ({uid})" if name != uid else uid or "an unnamed transfer syntax"
