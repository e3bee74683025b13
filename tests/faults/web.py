"""The web process of fault tests: `src.api:app` that offers the actors of `tests.faults.actors` too."""

import tests.faults.actors  # noqa: F401
from sooner.deployment.web import application

app = application("src")
