"""How much one peer, one source and all of them together may make the service hold."""

from __future__ import annotations

from dataclasses import dataclass, fields

#: So much is parsed before the bounds are looked at again.
READ_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one process that serves. Bytes, seconds and counts are above zero."""

    #: Every resting connection costs about 10 KiB, at worst 150: 2,048 are 20 to 300 MiB.
    connections: int = 2048
    #: One source cannot take all there are; many phones behind one address still fit in.
    connections_per_source: int = 512
    #: The longest target of the API has under 100 bytes; apps behind the same proxy may differ.
    target_bytes: int = 4096
    #: What other servers allow (Apache 8 KiB a line, nginx 32, Node 16): cookies and proxies
    #: of an organisation fit in. What is parsed at once is no more than that.
    head_bytes: int = READ_BYTES
    #: As Apache.
    header_count: int = 100
    #: A body of 4096 bytes (`guards.requests`), as chunks of one byte each, takes 24 KiB.
    #: Counts what chunks are wrapped in, too: extensions and trailers have no bound of their own.
    body_bytes: int = 32 * 1024
    #: Nothing that reads answers one by one has more than one request under way.
    pipelined: int = 16
    #: From the connection to its first byte: browsers connect before they ask.
    first_byte_seconds: float = 10
    #: From the first byte of a request to the end of its headers: one packet or two.
    head_seconds: float = 10
    #: From there to the end of the body, on a bad mobile network.
    body_seconds: float = 10
    #: From one answer to the next request; as uvicorn.
    idle_seconds: float = 5
    #: For a peer to read what is waiting to be written: at most 64 KiB.
    unread_seconds: float = 10
    #: After an answer that ends the connection, for the peer to read it before the connection is
    #: reset (RFC 9112 section 9.6).
    linger_seconds: float = 1
    #: How much of what still comes is thrown away meanwhile.
    linger_bytes: int = 64 * 1024
    #: How often deadlines are looked at; they are kept to that.
    sweep_seconds: float = 1
    #: How often at most a line of each kind goes to the log.
    log_seconds: float = 60

    def __post_init__(self) -> None:
        """Refuse what is not above zero."""
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} is not above zero")
