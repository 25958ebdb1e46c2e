import re
import subprocess
import sys
import urllib.request


def test_it_runs_alone_and_prints_its_addresses() -> None:
    words = [sys.executable, "-m", "sandbox", "--port", "0", "--origin", "http://demo.example.com"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        printed = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines)
        assert printed["origin"] == "http://demo.example.com"
        assert printed["real-time endpoint"].endswith("/eventmanagement/")
        with urllib.request.urlopen(printed["control"]) as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait(10) == 0
