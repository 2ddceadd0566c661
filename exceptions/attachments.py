"""Judges files that people bring to a case: how many, how large, and what they really are."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

MOST_FILES = 5
_MIB = 1024 * 1024
MOST_BYTES = 10 * _MIB
_LONGEST_NAME = 255
_TEXT = "text/plain; charset=utf-8"
_ZIP = b"PK\x03\x04"
_OFFICE = "application/vnd.openxmlformats-officedocument."
# What may be attached, as what it is handed out, and how such a file begins. Nothing that a
# browser would run: no HTML, no SVG, whatever the file says of itself.
_TYPES: dict[str, tuple[str, bytes]] = {
    "csv": (_TEXT, b""),
    "docx": (f"{_OFFICE}wordprocessingml.document", _ZIP),
    "eml": (_TEXT, b""),
    "gif": ("image/gif", b"GIF8"),
    "jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff"),
    "json": (_TEXT, b""),
    "log": (_TEXT, b""),
    "pdf": ("application/pdf", b"%PDF-"),
    "png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "txt": (_TEXT, b""),
    "xlsx": (f"{_OFFICE}spreadsheetml.sheet", _ZIP),
}
ACCEPTED = ", ".join(_TYPES)
ENDINGS = ",".join(f".{ending}" for ending in _TYPES)
LIMITS = f"Up to {MOST_FILES} files of {MOST_BYTES // _MIB} MiB each: {ACCEPTED}."


class CannotAttach(Exception):
    """Some file cannot be taken; the message names each and why, and may be shown."""


@dataclass(frozen=True)
class Given:
    """A file as a person gave it; what is too large anyhow comes without its content."""

    name: str
    size_bytes: int
    content: bytes

    @property
    def shown_name(self) -> str:
        """Give the name without a path, and without letters that hide or turn others."""
        plain = self.name.replace("\\", "/").rpartition("/")[2]
        kept = "".join(letter for letter in plain if letter.isprintable())
        return kept.strip()[-_LONGEST_NAME:] or "file"

    @property
    def ending(self) -> str:
        """Give what follows the last dot of the name, in small letters."""
        return self.shown_name.rpartition(".")[2].lower()

    @property
    def kind(self) -> str:
        """Say as what it is handed out."""
        return _TYPES[self.ending][0]

    @property
    def digest(self) -> bytes:
        """Hash the content."""
        return sha256(self.content).digest()


def check(files: Sequence[Given]) -> None:
    """Raise CannotAttach unless all may be taken; says everything that is wrong at once."""
    problems = [f"{each.shown_name} {wrong}" for each in files if (wrong := _wrong_with(each))]
    if len(files) > MOST_FILES:
        problems.append(f"{len(files)} files are too many: a comment takes {MOST_FILES}")
    if problems:
        raise CannotAttach(f"{'; '.join(problems)}. Nothing was added, your text is kept.")


def size_text(size_bytes: int) -> str:
    """Say how large a file is."""
    if size_bytes >= _MIB:
        return f"{size_bytes / _MIB:.1f} MiB"
    return f"{max(1, round(size_bytes / 1024))} KiB"


def _wrong_with(given: Given) -> str:
    if given.ending not in _TYPES:
        return f"is of a kind that is not taken; these are: {ACCEPTED}"
    if not given.size_bytes:
        return "is empty"
    if given.size_bytes > MOST_BYTES:
        return f"is larger than {MOST_BYTES // _MIB} MiB"
    if not given.content.startswith(_TYPES[given.ending][1]):
        return f"is called .{given.ending} and is none"
    return ""
