"""Ports for servers that tests start."""

import random
import socket

_LOWEST, _HIGHEST = 10_000, 32_000
"""Below those that the system gives to whoever asks for any port: such a one would be taken by somebody else
before the server that it is meant for has started, or while it is started anew."""
_drawn = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A port of loopback that nobody listens at, over TCP or UDP, and that is given once by this process."""
    while True:
        port = _drawn.randint(_LOWEST, _HIGHEST)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
