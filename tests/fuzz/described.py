"""``python -m tests.fuzz.described``: schemathesis against ``/openapi.json``, with the sandbox behind. Needs the group ``fuzz``.

Whether answers have the form that the description promises; a 501 or 502 is promised as well, a 500 is not.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.service import running_service

CHECKS = "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz.described")
    parser.add_argument("--seconds", type=int, default=15)
    words = parser.parse_args()
    with running_service(log_level="error") as service, tempfile.TemporaryDirectory() as folder:
        program = str(Path(sys.executable).with_name("schemathesis"))
        command = [program, "run", f"{service.url}/openapi.json", "--checks", CHECKS, "--max-time", str(words.seconds)]
        options = ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--max-failures", "10", "--no-color"]
        ended = subprocess.run([*command, *options], cwd=folder, check=False, timeout=words.seconds + 120).returncode
        failed = [line for line in service.client.get(f"{service.url}/metrics").text.splitlines() if 'status="500"' in line]
        print("\n".join(failed) or "no answer was a 500", flush=True)  # noqa: T201
    return 1 if ended or failed else 0


if __name__ == "__main__":
    sys.exit(main())
