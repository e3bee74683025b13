"""Stores of objects, where BLOB_URL puts the bytes of uploads and files.

obstore is imported with the first store: most deployments have none.
"""

from sooner.blobs.object_writer import ObjectWriter
from sooner.blobs.store import BlobGone, Store, StoreAway
from sooner.blobs.stores import Stores

__all__ = ["BlobGone", "ObjectWriter", "Store", "StoreAway", "Stores"]
