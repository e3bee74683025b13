"""The types of arrays, told to each new connection.

asyncpg knows PostgreSQL's own types, but asks each server about arrays of them, once a connection and by a statement of 10 ms.
"""

from typing import Any

#: Each array type with the type of its members, by their numbers in PostgreSQL's catalog, which are the same in all versions.
ARRAYS = {
    "_bool": (1000, 16),
    "_bytea": (1001, 17),
    "_int2": (1005, 21),
    "_int4": (1007, 23),
    "_int8": (1016, 20),
    "_float4": (1021, 700),
    "_float8": (1022, 701),
    "_numeric": (1231, 1700),
    "_varchar": (1015, 1043),
    "_date": (1182, 1082),
    "_timestamptz": (1185, 1184),
    "_interval": (1187, 1186),
    "_uuid": (2951, 2950),
    "_json": (199, 114),
    "_jsonb": (3807, 3802),
}
#: The rows that asyncpg's own statement would bring.
_ROWS = [
    {
        "oid": number,
        "ns": "pg_catalog",
        "name": name,
        "kind": b"b",
        "basetype": None,
        "elemtype": member,
        "elemdelim": ",",
        "range_subtype": None,
        "attrtypoids": None,
        "attrnames": None,
    }
    for name, (number, member) in ARRAYS.items()
]


def tell(connection: Any) -> None:
    """Tell a new asyncpg connection the types."""
    connection._protocol.get_settings().register_data_types(_ROWS)  # noqa: SLF001 - asyncpg offers no other way
