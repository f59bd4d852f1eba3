"""A view of a file with another beginning, for libsndfile."""

import io

__all__ = ["Source", "View"]


class Source:
    """The bytes of an open file; its beginning is cached."""

    def __init__(self, file, size):
        self.file = file
        self.size = size
        self._beginning = file.read(4096)

    def read(self, at, count):
        """Return bytes from a position in the file, fewer at its end."""
        if at >= 0 and at + count <= len(self._beginning):
            return self._beginning[at : at + count]
        if at >= self.size:  # a damaged header may point beyond any position
            return b""
        self.file.seek(max(0, at))
        return self.file.read(max(0, min(count, self.size)))

    def is_zero(self, at):
        """Return whether all bytes from a position to the end are zero, up to 1 MiB."""
        if self.size - at > 2**20:
            return False
        return not any(self.read(at, self.size - at))


class View(io.RawIOBase):
    """A part of a file after another beginning."""

    def __init__(self, source, head, start, end):
        self._file = source.file
        self._head = head
        self._start = start
        self._size = len(head) + end - start
        self._at = 0
        self.furthest = 0

    def seek(self, offset, whence=io.SEEK_SET):
        """Move to a position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self):
        """Return the position."""
        return self._at

    def readable(self):
        """Return True."""
        return True

    def seekable(self):
        """Return True."""
        return True

    def readinto(self, buffer):
        """Read bytes into a buffer."""
        count = max(0, min(len(buffer), self._size - self._at))
        done = min(count, max(0, len(self._head) - self._at))
        buffer[:done] = self._head[self._at : self._at + done]
        if count > done:
            self._file.seek(self._start + self._at + done - len(self._head))
            rest = self._file.read(count - done)
            buffer[done : done + len(rest)] = rest
            done += len(rest)
        self._at += done
        self.furthest = max(self.furthest, self._at)
        return done

    def at_end(self):
        """Return whether the whole view has been read."""
        return self.furthest >= self._size

    def close(self):
        """Close the file."""
        self._file.close()
        super().close()
