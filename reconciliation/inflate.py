"""Unpacks gzip, never to more than it is allowed to."""

import zlib

_GZIP = 16 + zlib.MAX_WBITS
MOST_MEMBERS = 100  # a gzip file may have several (RFC 1952); each costs a pass over what is left


class NotGzip(Exception):
    """The bytes are not whole gzip; the message says why."""


class TooLong(Exception):
    """Unpacked, it is longer than allowed."""


def inflate(packed: bytes, *, most: int) -> bytes:
    """Unpack one or several gzip members into `most` bytes at most. Raises NotGzip, TooLong."""
    found = bytearray()
    left = packed
    for _ in range(MOST_MEMBERS):
        member, left = _member(left, most=most - len(found))
        found += member
        if not left:
            return bytes(found)
    raise NotGzip(f"It has more than {MOST_MEMBERS} gzip members, or something follows them.")


def _member(packed: bytes, *, most: int) -> tuple[bytes, bytes]:
    """Unpack the first member; gives what follows it, too."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        found = unpacker.decompress(packed, most + 1)  # one more, so that too long is seen
    except zlib.error as error:
        raise NotGzip("It says that it is gzip and cannot be unpacked.") from error
    if len(found) > most:
        raise TooLong(f"Unpacked, it is longer than {most} bytes.")
    if not unpacker.eof:
        raise NotGzip("The gzip data breaks off.")
    return found, unpacker.unused_data
