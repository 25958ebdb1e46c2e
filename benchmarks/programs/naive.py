"""The proxy that everyone writes: a FastAPI route, one httpx client, the CORS middleware."""

import os

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware

UPSTREAM, TOKEN, ORIGIN = (os.environ[name] for name in ("UPSTREAM", "TOKEN", "ORIGIN"))

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN])
client = httpx.AsyncClient(timeout=30)  # noqa: TID251 - what the product avoids is what is measured here


@app.api_route("/EvtMgmt/api/v2.0/{path:path}", methods=["GET", "POST"])
async def forward(path: str, request: Request) -> Response:
    """Pass one call on."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "emApplicationtoken"]
    answer = await client.request(
        request.method,
        f"{UPSTREAM}{path}",
        params=[("emApplicationtoken", TOKEN), *query],
        headers={"Origin": ORIGIN},
        content=await request.body(),
    )
    return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])
