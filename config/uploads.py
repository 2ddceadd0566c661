"""Holds files to their size while they come in, so that nobody fills the disk."""

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from reconciliation.uploads import MOST_BYTES

_SLACK = 64 * 1024  # what a form has beside its file
_SAID = f"A file may have up to {MOST_BYTES // 2**20} MiB. Nothing was kept. Split it."


class CappedUpload(FileUploadHandler):
    """Refuses a request whose files are larger together than one file may be."""

    _received = 0

    def handle_raw_input(self, _input: object, _meta: object, length: int, *_rest: object) -> None:
        """Refuse what says itself that it is too large."""
        if length > MOST_BYTES + _SLACK:
            raise RequestDataTooBig(_SAID)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Count what comes, and pass it on."""
        self._received += len(raw_data)
        if self._received > MOST_BYTES + _SLACK:
            raise RequestDataTooBig(_SAID)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""
