"""Connections whose request is not complete: their time, number and memory.

A slow client occupies a connection, a thread and what it has sent. None of them is
unlimited, and a new client must get through. So a request that takes too long is
ended, and the oldest one when there are too many.
"""

from __future__ import annotations

import socket
from http import HTTPStatus
from threading import Lock
from time import monotonic

from .upload import MOST_BYTES, Refusal

PATIENCE = 30.0  # seconds for a request without a body, and for silence
SLOWEST = 100_000  # bytes of a body that must arrive in each further second
MOST_CONNECTIONS = 100
MOST_RECEIVED = 4 * MOST_BYTES  # bytes of all bodies that are not complete


class _Request:
    """A request that is not complete.

    Args:
        connection (socket.socket): Its connection.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.deadline = monotonic() + PATIENCE
        self.has_body = False
        self.received = 0
        self.end: Refusal | None = None

    def stop(self, status: HTTPStatus, reason: str) -> None:
        """Let the thread that reads the request see its end."""
        self.end, self.received = Refusal(status, reason), 0
        if not self.has_body:  # Its thread waits for the headers.
            try:
                self.connection.shutdown(socket.SHUT_RD)
            except OSError:  # the client has closed the connection
                pass


class OpenRequests:
    """The requests that are not complete, oldest first."""

    def __init__(self) -> None:
        self._requests: dict[socket.socket, _Request] = {}
        self._lock = Lock()

    def add(self, connection: socket.socket) -> None:
        """Add a new connection; too many end the oldest."""
        with self._lock:
            self._requests[connection] = _Request(connection)
            if len(self._requests) > MOST_CONNECTIONS:
                self._end_oldest()

    def remove(self, connection: socket.socket) -> None:
        """Remove a connection whose request is complete or over."""
        with self._lock:
            self._requests.pop(connection, None)

    def expect(self, connection: socket.socket, length: int) -> None:
        """Give a request the time for a body of so many bytes."""
        with self._lock:
            request = self._requests[connection]
            request.has_body = True
            request.deadline += length / SLOWEST

    def receive(self, connection: socket.socket, count: int) -> None:
        """Count received bytes of a body; too many end the oldest request.

        Raises:
            Refusal: If the request was ended.
        """
        with self._lock:
            request = self._requests[connection]
            if request.end:
                raise request.end
            request.received += count
            if sum(r.received for r in self._requests.values()) > MOST_RECEIVED:
                self._end_oldest()

    def end_late(self) -> None:
        """End the requests that take too long."""
        with self._lock:
            for request in self._requests.values():
                if not request.end and request.deadline < monotonic():
                    request.stop(
                        HTTPStatus.REQUEST_TIMEOUT,
                        'The request took too long: at least '
                        f'{SLOWEST // 1000} kB must arrive in a second. Send it again.',
                    )

    def make_room(self) -> None:
        """End the older half of the requests."""
        with self._lock:
            for _ in range(1 + len(self._requests) // 2):
                self._end_oldest()

    def _end_oldest(self) -> None:
        """End the oldest request that was not ended yet."""
        left = [request for request in self._requests.values() if not request.end]
        if left:
            left[0].stop(
                HTTPStatus.SERVICE_UNAVAILABLE,
                'The server has too many requests; try again.',
            )
