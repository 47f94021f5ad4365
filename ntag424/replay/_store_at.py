"""From the URL of a store to the store."""

from __future__ import annotations

from ntag424.arguments import require_text
from ntag424.errors import StoreUrlError
from ntag424.replay._store import LedgerStore
from ntag424.replay.sqlite import SqliteStore

_REDIS = frozenset(
    f"{scheme}{form}" for scheme in ("redis", "rediss") for form in ("", "+sentinel", "+cluster")
)
_POSTGRES = frozenset({"postgres", "postgresql"})


def store_at(url: str) -> LedgerStore:
    """Return the place that *url* names; nothing is looked at yet.

    Raises:
        StoreUrlError: it names none, or one that takes an extra to be installed.

    """
    require_text("url", url, instead='its URL, as "sqlite:///tags.db"')
    scheme, _, _ = url.partition("://")
    if scheme == "sqlite":
        return SqliteStore.at(url)
    # Drivers are loaded only where they are used.
    try:
        if scheme in _REDIS:
            from ntag424.replay.redis import RedisStore  # noqa: PLC0415

            return RedisStore.at(url)
        if scheme in _POSTGRES:
            from ntag424.replay.postgres import PostgresStore  # noqa: PLC0415

            return PostgresStore.at(url)
    except ImportError as error:
        if (error.name or "").startswith("ntag424"):
            raise
        extra = "redis" if scheme in _REDIS else "postgres"
        raise StoreUrlError(
            f"this kind of store needs the extra: pip install 'ntag424[{extra}]'",
            hint="Install it where this program runs.",
        ) from error
    raise StoreUrlError(
        "the URL of a store begins with sqlite://, redis://, rediss://, redis+sentinel://, "
        "rediss+sentinel://, redis+cluster://, rediss+cluster:// or postgresql://"
    )
