"""An application that answers every request with nothing: for tests of the server around it."""

from starlette.responses import Response

app = Response()
