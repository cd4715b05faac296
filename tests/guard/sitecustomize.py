"""A connection, or a look-up of a name, that leaves this machine raises: in the tests and in every Python they start."""

import sys

_HERE = ("127.", "::1", "localhost")


def forbid(event: str, arguments: tuple[object, ...]) -> None:
    """Raise where a socket would reach anything but this machine (an audit hook: it cannot be taken out again)."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name and not name.startswith(_HERE):
        message = f"the tests reach out to {name}: {event}"
        raise RuntimeError(message)


sys.addaudithook(forbid)
