"""The web process: `uvicorn src.api:app`."""

from sooner.deployment.web import application

app = application("src")
