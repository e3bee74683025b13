"""A deployment of Sooner: its actors, its schedules and the entry points of its processes."""

import importlib.util
import sys
from pathlib import Path

# In the engine's own checkout the engine lies beside the deployment: it goes before an installed one, and puts nothing else
# of this folder on the path, where `actors` or `inventory` could hide a package.
_engine = Path(__file__).with_name("sooner") / "__init__.py"
if "sooner" not in sys.modules and _engine.exists():
    _spec = importlib.util.spec_from_file_location("sooner", _engine)
    if _spec is not None and _spec.loader is not None:
        sys.modules["sooner"] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules["sooner"])
