"""``python -m tests.fuzz.run``: atheris on each target in turn, with the kept corpus as its beginning. Needs the group ``fuzz``.

Each target runs in a process of its own, as libFuzzer ends the process. What is found is printed, and written beside the corpus
as ``crash-...``; it belongs into the corpus once it is mended.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")


def fuzz(name: str, seconds: int) -> int:
    """Run one target in this process; does not come back."""
    import atheris

    with atheris.instrument_imports(include=["translation"]):
        from tests.fuzz.targets import TARGETS
    with tempfile.TemporaryDirectory() as found:
        places = [found, str(CORPUS / name)]  # new inputs go to the first
        words = ["fuzz", *places, f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=1024", "-timeout=10"]
        atheris.Setup([*words, f"-artifact_prefix={CORPUS / name}/", "-verbosity=0", "-print_final_stats=1"], TARGETS[name])
        atheris.Fuzz()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz.run")
    parser.add_argument("--seconds", type=int, default=45, help="of all targets together")
    parser.add_argument("--target", help="this one, in this process")
    words = parser.parse_args()
    if words.target:
        return fuzz(words.target, words.seconds)
    names = sorted(place.name for place in CORPUS.iterdir() if place.is_dir())
    ended = {}
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz.run", "--target", name, "--seconds", str(words.seconds // len(names))]
        ended[name] = subprocess.run(command, check=False, timeout=words.seconds + 120).returncode
        print(f"{name}: {'nothing found' if ended[name] == 0 else 'FOUND SOMETHING'}", flush=True)  # noqa: T201
    return 1 if any(ended.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
