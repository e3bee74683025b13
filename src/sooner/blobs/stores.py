"""The stores that a process knows."""

from sooner.blobs.store import Store


class Stores:
    """The store of BLOB_URL for what is written, if there is one, and any store in which something was written before.

    `patience_seconds` is how long a call tries again while a store is away.
    """

    def __init__(self, url: str | None = None, *, patience_seconds: float = 60) -> None:
        self._url = url
        self._patience_seconds = patience_seconds
        self._opened: dict[str, Store] = {}

    @property
    def chosen(self) -> Store | None:
        """The store for what is written; None for PostgreSQL."""
        return None if self._url is None else self.at(self._url)

    def at(self, url: str) -> Store:
        """The store at an address. Raises StoreAway."""
        if url not in self._opened:
            self._opened[url] = Store(url, patience_seconds=self._patience_seconds)
        return self._opened[url]
