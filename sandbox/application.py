"""The ASGI application, and a request's way through it.

1 read it - 2 find backend and operation - 3 record it - 4 take the faults meant for it - 5 carry it out - 6 send the
answer, with the fault - 7 record what became of it.
"""

from sandbox.api import Api
from sandbox.captcha import Captcha
from sandbox.control import PREFIX, Control
from sandbox.exchange import Exchange, PeerGoneError, Receive, Scope, Send
from sandbox.fault_kinds import INSTEAD, play
from sandbox.faults import FaultBoard
from sandbox.forms import serve_asset
from sandbox.payment import PaymentPages
from sandbox.recorder import BROKEN, CANCELLED, Recorder
from sandbox.wire import Answer, Call, Request


class Application:
    """Both APIs, forms, the payment page, the captcha and the control, on one port."""

    def __init__(
        self,
        apis: tuple[Api, ...],
        pages: PaymentPages,
        captcha: Captcha,
        control: Control,
        recorder: Recorder,
        faults: FaultBoard,
    ) -> None:
        self._apis = apis
        self._pages = pages
        self._captcha = captcha
        self._control = control
        self._recorder = recorder
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of scope are not supported."""
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox serves HTTP, not {scope['type']}")
        exchange = Exchange(scope, receive, send)
        try:
            request = await exchange.request()  # 1
            if request.path.startswith(PREFIX):
                await exchange.answer(await self._control.answer(request))
            else:
                await self._serve(exchange, request)
        except PeerGoneError:
            # The peer went away while it sent its request, or did not wait for the control's answer.
            return
        finally:
            await exchange.finish()

    async def _serve(self, exchange: Exchange, request: Request) -> None:
        api, call = self._identify(request)  # 2
        backend = api.organisation.backend if api else None
        record = self._recorder.arrived(request, backend, call.operation)  # 3
        outcome, status = BROKEN, None
        try:
            fault = None
            for taken in self._faults.take(record):  # 4
                record.fault = taken.kind
                if taken.kind == "latency":
                    await exchange.pause(taken.seconds)
                elif taken.kind == "hold":
                    while self._faults.holds(taken):
                        await exchange.pause(0.01)
                else:
                    fault = taken
            if fault is not None and fault.kind in INSTEAD and not fault.effect:
                answer = Answer()
            else:
                answer = self._carry_out(api, request, call)  # 5
            outcome, status = await play(fault, answer, exchange)  # 6
        except PeerGoneError:
            outcome = CANCELLED
            raise
        finally:
            self._recorder.ended(record, outcome, status)  # 7

    def _identify(self, request: Request) -> tuple[Api | None, Call]:
        for api in self._apis:
            call = api.identify(request)
            if call is not None:
                return api, call
        if request.path in ("/pay", "/checked-in"):
            return None, Call("payment_page" if request.path == "/pay" else "checked_in_page")
        if "/FormLoader/" in request.path or "/digitalassets/" in request.path:
            return None, Call("form_asset")
        return None, Call("hip" if request.path.startswith("/hip/") else "unmatched")

    def _carry_out(self, api: Api | None, request: Request, call: Call) -> Answer:
        if api is not None:
            return api.answer(request, call)
        return serve_asset(request) or self._pages.serve(request) or self._captcha.serve(request) or Answer(404)
