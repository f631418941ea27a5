"""Which requests are admitted: their headers name this server, once.

Requests for another host name (DNS rebinding) and requests from pages of other sites
are refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from email.message import Message
from http import HTTPStatus
from urllib.parse import urlsplit

from .upload import Refusal

# A repeated one could mean one thing to this server and another to a proxy.
SINGLE = ('Host', 'Origin', 'Content-Length', 'Transfer-Encoding')


def check_headers(headers: Message, names: Collection[str], url: str) -> None:
    """Check the headers of a request.

    Args:
        headers (Message): The headers.
        names (Collection[str]): Host names of this server.
        url (str): Where the client can open the page, for the error message.

    Raises:
        Refusal: If a header is repeated, the length is given in two ways (status
            400), or the request is for another host or from another site (403).
    """
    for name in SINGLE:
        values = headers.get_all(name, [])
        if len(values) > 1:
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                f'The request has {len(values)} headers {name}; send one.',
            )
    if 'Content-Length' in headers and 'Transfer-Encoding' in headers:
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            'The request has both Content-Length and Transfer-Encoding; send the '
            'image in one piece with its Content-Length.',
        )
    host = headers.get('Host', '')
    if not _is_for_us(host, names):
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            f'The host {host!r:.100} is not the name of this server; open {url}.',
        )
    origin = headers.get('Origin')
    if origin is not None and origin != f'http://{host}':
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            f'A page of {origin!r:.100} may not use this server; open {url}.',
        )


def _is_for_us(host: str, names: Collection[str]) -> bool:
    """Return whether the ``Host`` header of a request names this server.

    Args:
        host (str): Value of the header.
        names (Collection[str]): Host names of this server.

    Returns:
        bool: True for an IP address (DNS rebinding needs a name) and for the names.
    """
    try:
        name = urlsplit(f'//{host}').hostname or ''
    except ValueError:
        return False
    return name in names or _is_address(name)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address.

    Args:
        host (str): IP address or host name.
    """
    if host.lower() == 'localhost':
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
