"""The explorer as a local page: loopback alone, and only for who has the token in the address."""

from __future__ import annotations

import secrets
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from blocklens.errors import UserError
from blocklens.exploring.local_page import explorer_page

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from blocklens.exploring.explorer import Explorer

LOOPBACK = "127.0.0.1"


class Asked(BaseModel):
    """What the page asks."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str
    position: int | None = None


def check_installed() -> None:
    """Raises UserError where the server's libraries are not installed."""
    if not (find_spec("starlette") and find_spec("uvicorn")):
        raise UserError(
            "explore needs starlette and uvicorn: pip install 'blocklens[explore]' brings them"
        )


def application(explorer: Explorer, token: str) -> Starlette:
    """The page at / and its answers at /answer."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    page, policy = explorer_page(explorer.facts)
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    refused = PlainTextResponse(
        "Open the whole address that blocklens explore printed, with its token.", 403
    )

    def known(given: str) -> bool:
        return secrets.compare_digest(given.encode(), token.encode())

    async def show(request: Request) -> Response:
        allowed = known(request.query_params.get("token", ""))
        return HTMLResponse(page, headers=headers) if allowed else refused

    async def answer(request: Request) -> Response:
        if not known(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return refused
        try:
            asked = Asked.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": f"not understood: {error.errors()[0]['msg']}"}, 422)
        given: dict[str, Any] = asked.model_dump()
        return JSONResponse(await run_in_threadpool(explorer.answer, **given))

    # A page elsewhere that has its name point here (DNS rebinding) is not served.
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
    routes = [Route("/", show), Route("/answer", answer, methods=["POST"])]
    return Starlette(routes=routes, middleware=[hosts])


def listening(port: int) -> socket.socket:
    """A socket on this machine's loopback; port 0 takes a free one.

    Raises:
        UserError: the port is taken.

    """
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise UserError(
            f"--port {port}: {error.strerror}; leave it out to take a free one"
        ) from error


def serve(explorer: Explorer, token: str, where: socket.socket) -> None:
    """Answer until stopped."""
    import uvicorn

    app = application(explorer, token)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[where])
