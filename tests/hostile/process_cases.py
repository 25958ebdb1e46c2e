"""What happens to processes: signals, limits, disks that are full or gone, clocks that jump, callers by the thousand."""

import os
import resource
import shutil
import struct
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from select import select
from signal import SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1
from socket import AF_INET, SO_LINGER, SOCK_STREAM, SOL_SOCKET, socket
from threading import Event
from time import sleep

from tests.clock import until
from tests.hostile.case import BASE, BODY, LIST, get, post
from tests.hostile.process_case import CLOSED, ProcessCase, Stage, answer_on
from tests.hostile.starting import JUMPS, listens

RESET = struct.pack("ii", 1, 0)
DRAIN = "issue 5, 2: drain on SIGTERM"
AWAY = "503 StoreAway"


@contextmanager
def asked(stage: Stage, request: bytes, operation: str, kind: str = "latency", seconds: float = 0.7) -> Iterator[Future[str]]:
    """A request that is under way in Dynamics, which takes its time."""
    with ThreadPoolExecutor(1) as pool:
        recorder = stage.sandbox.recorder
        # Each process asks for the list when it has started: that call is nobody's request, and the fault is not for it.
        recorder.wait(operation="list_events", outcome="answered", count=stage.workers)
        fault = stage.sandbox.faults.add(kind, operation=operation, seconds=seconds, size=200)
        answer = pool.submit(stage.call, request)
        until(lambda: any(record.request.header("x-request-id") for record in recorder.find(operation=operation)))
        yield answer
        stage.sandbox.faults.clear(fault.number)


def opened(stage: Stage, request: bytes = b"") -> socket:
    connection = socket(AF_INET, SOCK_STREAM)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", stage.port))
    connection.sendall(request)
    return connection


def ends(stage: Stage) -> None:
    os.kill(stage.pid, SIGTERM)
    assert stage.program.ended() == 0


def stop_during_a_read(stage: Stage) -> None:
    with asked(stage, get(LIST), "list_events") as answer:
        ends(stage)
        assert answer.result() == "200"


def stop_during_a_registration(stage: Stage) -> None:
    with asked(stage, post(BODY), "register") as answer:
        ends(stage)
        assert answer.result() == "200"
    assert len(stage.sandbox.recorder.find(operation="register")) == len(stage.sandbox.control.registrations()) == 1


def stop_without_descriptors(stage: Stage) -> None:
    with asked(stage, post(BODY), "register") as answer:
        stage.limit(resource.RLIMIT_NOFILE, 3)
        os.kill(stage.pid, SIGTERM)
        until(lambda: not listens(stage.port))
        stage.limit(resource.RLIMIT_NOFILE, -1)  # uvloop needs some to end
        assert answer.result() == "200"
        assert stage.program.ended() == 0


def stop_during_an_image(stage: Stage) -> None:
    speaker = stage.sandbox.realtime.events["Contoso_Open_Day"].speakers[0]["id"]
    request = get(f"{BASE.decode()}speakers/{speaker}/image".encode())
    with asked(stage, request, "get_speaker_image", "slow_drip", 0.02) as answer:
        ends(stage)
        assert answer.result() == "200"


def stop_with_callers_that_say_nothing(stage: Stage) -> None:
    with ExitStack() as stack:
        for sent in (b"", b"GET / HT", get()[:-2], post(BODY)[:-9]):
            stack.enter_context(opened(stage, sent))
        assert stage.honest() == "200"
        ends(stage)


def stop_twice(stage: Stage) -> None:
    with asked(stage, get(LIST), "list_events", "hold") as answer:
        os.kill(stage.pid, SIGTERM)
        until(lambda: not listens(stage.port))
        os.kill(stage.pid, SIGTERM)
        stage.sandbox.faults.clear()
        assert stage.program.ended() == 0
        assert answer.result() == "200"
    assert len(stage.told("Application shutdown complete")) == 1  # it was not told to wait for nothing more


def cut_off(stage: Stage) -> None:
    """Told to stop, and then to wait no longer, as all processes are by who sits at the keyboard."""
    workers = [int(number.strip("]")) for number in stage.told("Started server process [")]
    assert len(workers) == stage.workers
    os.kill(stage.pid, SIGTERM)
    until(lambda: not listens(stage.port))  # all were told: two signals that come at once have no order
    for worker in workers:
        os.kill(worker, SIGINT)
    assert stage.program.ended() == 0


def stop_before_a_read_ends(stage: Stage) -> None:
    with asked(stage, get(LIST), "list_events", seconds=60) as answer:
        ends(stage)
        assert answer.result() == "503 Stopping"


def stop_in_the_middle_of_an_image(stage: Stage) -> None:
    speaker = stage.sandbox.realtime.events["Contoso_Open_Day"].speakers[0]["id"]
    request = get(f"{BASE.decode()}speakers/{speaker}/image".encode())
    with asked(stage, request, "get_speaker_image", "slow_drip", 1) as answer:
        ends(stage)
        assert answer.result() == "200 cut"


def no_more_patience_with_a_registration(stage: Stage) -> None:
    with asked(stage, post(BODY), "register", "hang") as answer:
        until(lambda: len(stage.told("Application startup complete")) == stage.workers)
        cut_off(stage)
        assert answer.result() == "504 RegistrationOutcomeUnknown"
    assert len(stage.sandbox.recorder.find(operation="register")) == 1


def no_more_patience_with_a_body(stage: Stage) -> None:
    with opened(stage, post(BODY)[:-9]) as caller:
        until(lambda: stage.in_flight() == 1)
        cut_off(stage)
        assert answer_on(caller) == "503 Stopping"
    assert not stage.sandbox.recorder.find(operation="register")


def killed_during_a_registration(stage: Stage) -> None:
    with asked(stage, post(BODY), "register", "hang") as answer:
        os.kill(stage.pid, SIGKILL)
        assert stage.program.ended() == -SIGKILL
        assert answer.result() == CLOSED
    assert len(stage.sandbox.recorder.find(operation="register")) == 1


def frozen(stage: Stage) -> None:
    with asked(stage, get(LIST), "list_events", seconds=0.2) as answer:
        os.kill(stage.pid, SIGSTOP)
        waiting = opened(stage, get(LIST))
        sleep(1.2)  # longer than any time-out of the settings: that is what happens
        os.kill(stage.pid, SIGCONT)
        assert answer.result() in ("200", "504 UpstreamTimeout")
        with waiting:
            assert answer_on(waiting) in ("200", CLOSED)


def clock_jumps(stage: Stage) -> None:
    for _ in range(3):  # a day ahead, a day back, a year ahead
        with asked(stage, get(LIST + b"?api-version=1"), "list_events", seconds=0.1) as answer:
            os.kill(stage.pid, SIGUSR1)
            assert answer.result() == "200"
        assert stage.honest() == "200"
        assert stage.change() == "200"


def thousands_leave(stage: Stage) -> None:
    stage.sandbox.faults.add("hang", operation="list_events", times=None)
    request = get(LIST)
    for _ in range(30):  # many times the places of the pool
        callers = [opened(stage, request) for _ in range(100)]
        for caller in callers:
            caller.setsockopt(SOL_SOCKET, SO_LINGER, RESET)
            caller.close()
    stage.sandbox.faults.clear()
    until(lambda: not stage.sandbox.recorder.find(outcome="pending"))
    until(lambda: stage.honest() == "200")  # on a busy machine the organisation itself takes its time after that
    until(lambda: stage.descriptors() < 60)


def few_descriptors(stage: Stage) -> None:
    stage.limit(resource.RLIMIT_NOFILE, stage.descriptors() + 8)
    with ExitStack() as stack:
        callers = [stack.enter_context(opened(stage)) for _ in range(40)]
        for caller in callers:
            try:
                caller.sendall(get(LIST))
            except ConnectionError:
                continue
        stage.limit(resource.RLIMIT_NOFILE, -1)
        told = {answer_on(caller) for caller in callers}
    assert told <= {"200", CLOSED, "502 UpstreamUnreachable", "504 UpstreamTimeout", "429 TooManyRequests"}
    assert "200" in told


def more_than_there_is_room_for(stage: Stage) -> None:
    stage.sandbox.faults.add("hold", operation="list_events", times=None)
    with ExitStack() as stack:
        callers = [stack.enter_context(opened(stage, get(LIST))) for _ in range(260)]
        until(lambda: len(select(callers, [], [], 0)[0]) >= 50)  # who is refused waits for nobody
        stage.sandbox.faults.clear()
        told = [answer_on(caller) for caller in callers]
    assert set(told) == {"503 Overloaded", "200"}
    assert told.count("503 Overloaded") >= 50


def full_disk(stage: Stage) -> None:
    """A bound on the size of files does what a full disk does: a write is refused in the middle."""
    assert stage.change() == "200"
    stage.limit(resource.RLIMIT_FSIZE, 1)
    assert stage.change() == AWAY
    assert stage.honest() == "200"
    assert stage.call(post(BODY)) == "200"
    stage.limit(resource.RLIMIT_FSIZE, -1)
    until(lambda: stage.change() == "200")


def state_is_gone(stage: Stage) -> None:
    shutil.rmtree(stage.folder / "state")
    assert stage.honest() == "200"
    assert stage.change() in ("200", AWAY)
    assert stage.call(post(BODY)) == "200"


def dynamics_is_gone(stage: Stage) -> None:
    assert stage.honest() == "200"
    stage.upstream.stop()
    assert stage.honest() == "502 UpstreamUnreachable"
    assert stage.call(post(BODY)) == "502 UpstreamUnreachable"
    stage.upstream.start()


def reloads_under_load(stage: Stage) -> None:
    """Each with other connections to Dynamics, so that those of the calls under way are let go of by and by."""
    ended = Event()

    def call(request: bytes) -> set[str]:
        told = set()
        while not ended.is_set():
            told.add(stage.call(request))
        return told

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(call, request) for request in (get(LIST), get(LIST), post(BODY), get(b"/readyz"))]
        for number in range(4):
            (stage.folder / "secrets" / "evtmgmt_upstream__connections").write_text(str(40 + number), "utf-8")
            os.kill(stage.pid, SIGHUP)
            until(lambda taken=number + 1: stage.logged("settings were read anew and serve") == taken)  # type: ignore[misc]
        ended.set()
        told = set().union(*(caller.result() for caller in callers))
    assert told == {"200"}, told
    registered = stage.sandbox.recorder.find(operation="register")
    assert len(registered) == len(stage.sandbox.control.registrations()) > 0


def nobody_takes_the_log(stage: Stage) -> None:
    for _ in range(50):
        assert stage.honest() == "200"
    assert stage.call(get(b"/nowhere")) == "404 OperationNotFound"


SOON = {"EVTMGMT_LIMITS__SHUTDOWN_TIMEOUT": "2"}
UNHURRIED = {
    **{f"EVTMGMT_UPSTREAM__{name}_TIMEOUT": "60" for name in ("READ", "TOTAL")},
    "EVTMGMT_LIMITS__REQUEST_TIMEOUT": "60",
    "EVTMGMT_FAULTS__DEADLINE": "60",
}
"""Nothing is too slow, however slow the machine."""
JUMPING = {**UNHURRIED, JUMPS: "1"}
PATIENT = {**UNHURRIED, "EVTMGMT_LIMITS__SHUTDOWN_TIMEOUT": "1"}
"""All would be answered in time, did the process not stop before."""
TWO = {**PATIENT, "EVTMGMT_SERVE_WORKERS": "2"}
UNKNOWN = "it may have been sent, and nobody saw the answer"

CASES = (
    ProcessCase("SIGTERM during a read", stop_during_a_read, "what is under way is finished", DRAIN, UNHURRIED, ends=True),
    ProcessCase(
        "SIGTERM during a registration", stop_during_a_registration, "it is told, and sent once", DRAIN, UNHURRIED, ends=True
    ),
    ProcessCase("SIGTERM, no descriptors left", stop_without_descriptors, "nobody is cut off", "CWE-769", UNHURRIED, ends=True),
    ProcessCase("SIGTERM during an image", stop_during_an_image, "an image is finished as well", DRAIN, UNHURRIED, ends=True),
    ProcessCase(
        "SIGTERM, silent callers", stop_with_callers_that_say_nothing, "nobody holds the stop up", DRAIN, SOON, ends=True
    ),
    ProcessCase("SIGTERM twice", stop_twice, "parent and workers may each be told", DRAIN, UNHURRIED, ends=True),
    ProcessCase("SIGTERM, a read too long", stop_before_a_read_ends, "it may be asked again", DRAIN, PATIENT, ends=True),
    ProcessCase(
        "SIGTERM, an image too long", stop_in_the_middle_of_an_image, "not as if it were whole", DRAIN, PATIENT, ends=True
    ),
    ProcessCase("a registration cut off", no_more_patience_with_a_registration, UNKNOWN, DRAIN, PATIENT, ends=True),
    ProcessCase("a body cut off", no_more_patience_with_a_body, "nothing was sent, so it says that", DRAIN, PATIENT, ends=True),
    ProcessCase("workers, a read too long", stop_before_a_read_ends, "the same in each worker", DRAIN, TWO, ends=True),
    ProcessCase("workers, a registration cut off", no_more_patience_with_a_registration, UNKNOWN, DRAIN, TWO, ends=True),
    ProcessCase("SIGKILL during a registration", killed_during_a_registration, "not sent again", "RFC 9110 9.2.2", ends=True),
    ProcessCase("frozen and thawed", frozen, "all time-outs are over at once, and nothing is stuck", "issue 5, 2"),
    ProcessCase("the clock jumps", clock_jumps, "a clock that cannot be set measures time", "issue 5, 2", JUMPING),
    ProcessCase("3,000 callers leave", thousands_leave, "no place in the pool is lost", "FIELD-NOTES (slots leak)", UNHURRIED),
    ProcessCase("no descriptors left", few_descriptors, "it serves with what it has, and goes on after", "CWE-769"),
    ProcessCase("too many callers", more_than_there_is_room_for, "refused at once, served after", "CWE-770", UNHURRIED),
    ProcessCase("the state's disk is full", full_disk, "visitors do not notice, the operator is told", "issue 5, 4"),
    ProcessCase("the state's folder is removed", state_is_gone, "visitors do not notice", "issue 5, 4"),
    ProcessCase("reloads under load", reloads_under_load, "nobody notices", "issue 5, 3 and 4"),
    ProcessCase("Dynamics goes and comes back", dynamics_is_gone, "nobody meets a dead connection", "issue 5, 2"),
    ProcessCase(
        "the log's disk is full", nobody_takes_the_log, "a log that nobody takes stops nothing", "app/logs.py", log="/dev/full"
    ),
)
