"""The human-interaction proof (HIP) of the outbound organisation: a picture of digits behind a script."""

from hashlib import sha256
from itertools import count
from typing import Any

import orjson

from sandbox.data.ids import guid
from sandbox.data.images import digits
from sandbox.wire import Answer, Request

OBJECT_NAME, FUNCTION_NAME = "SandboxHip", "sandboxHipLoaded"

_SCRIPT = """(function () {
  var flow = %(flow)s, image = %(image)s;
  var box = document.getElementById("ispHIPHIP") || document.createElement("div");
  if (!box.parentNode) { document.body.appendChild(box); }
  box.innerHTML = "";
  var picture = document.createElement("img"); picture.src = image; picture.alt = "captcha";
  var input = document.createElement("input"); input.id = "hipSolution"; input.setAttribute("aria-label", "captcha");
  box.appendChild(picture); box.appendChild(input);
  window[%(object)s] = {
    verify: function (callback, argument) { callback(input.value, flow, argument); },
    type: "visual", flowId: flow
  };
  if (typeof window[%(function)s] === "function") { window[%(function)s](window[%(object)s]); }
})();
"""


class Captcha:
    """Issues challenges and checks them, each once. Not thread-safe: hold the organisation's lock."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._open: dict[str, str] = {}

    def challenge(self, base_url: str) -> dict[str, str]:
        """Open a flow; returns FlowId, HipUrl, ObjectName and FunctionName (CONTRACT 1.2)."""
        flow = guid("captcha", str(next(self._numbers)))
        self._open[flow] = str(int(sha256(flow.encode()).hexdigest(), 16))[-6:]
        return {
            "FlowId": flow,
            "HipUrl": f"{base_url}/hip/{flow}.js",
            "ObjectName": OBJECT_NAME,
            "FunctionName": FUNCTION_NAME,
        }

    def solution(self, flow: str) -> str | None:
        """Return the digits of an open flow, for tests."""
        return self._open.get(flow)

    def verify(self, hip: Any) -> bool:
        """Check a HipObject: `{Solution, Token, Type, FlowId}`. The flow is spent, right or wrong."""
        if not isinstance(hip, dict):
            return False
        flow = str(hip.get("FlowId"))
        wanted = self._open.pop(flow, None)
        return wanted is not None and hip.get("Solution") == wanted and hip.get("Token") == flow

    def serve(self, request: Request) -> Answer | None:
        """Answer `/hip/<flow>.js` and `/hip/<flow>.png`; None for other paths."""
        flow, dot, ending = request.path.removeprefix("/hip/").rpartition(".")
        if not request.path.startswith("/hip/") or not dot:
            return None
        solution = self._open.get(flow)
        if solution is None or ending not in {"js", "png"}:
            return Answer(404)
        if ending == "png":
            return Answer(200, digits(solution), (("Content-Type", "image/png"),))
        names = {"flow": flow, "image": f"//{request.header('Host')}/hip/{flow}.png"}
        values = names | {"object": OBJECT_NAME, "function": FUNCTION_NAME}
        script = _SCRIPT % {name: orjson.dumps(value).decode() for name, value in values.items()}
        return Answer(200, script.encode(), (("Content-Type", "text/javascript; charset=utf-8"),))
