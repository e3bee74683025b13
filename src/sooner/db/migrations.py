"""Where the schema's revisions lie."""

from pathlib import Path

import sooner


def migrations() -> Path:
    """The folder with the revisions: in the wheel a part of the engine, in its own checkout at the top."""
    engine = Path(sooner.__file__).parent
    packaged = engine / "migrations"
    return packaged if packaged.is_dir() else engine.parents[1] / "alembic"
