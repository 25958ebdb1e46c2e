"""One of all processes: the lock is one's, and the next one's when its holder is killed."""

from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, sleep

from app.outbox.lock import Lock
from tests.app.outbox.killing import PATIENCE
from tests.forking import CONTEXT


def hold(directory: Path, told: Connection) -> None:
    told.send(Lock(directory).take())
    sleep(PATIENCE)


def test_who_is_killed_gives_it_to_the_next(tmp_path: Path) -> None:
    read, write = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=hold, args=(tmp_path, write), daemon=True)
    child.start()
    write.close()
    assert read.poll(PATIENCE)
    assert read.recv() is True
    lock = Lock(tmp_path)
    assert not lock.take()
    child.kill()
    child.join(PATIENCE)
    read.close()
    deadline = monotonic() + PATIENCE
    while not lock.take():
        assert monotonic() < deadline
    assert lock.take()
    assert not Lock(tmp_path).take()
    lock.release()
    other = Lock(tmp_path)
    assert other.take()
    other.release()
