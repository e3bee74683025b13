"""The floor of HTTP here: a Starlette route that does nothing."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def nothing(request: Request) -> Response:
    """Read the body, answer."""
    await request.body()
    return Response(b"{}", media_type="application/json")


app = Starlette(routes=[Route("/", nothing, methods=["POST"])])
