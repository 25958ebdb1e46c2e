"""Tests that the image, the Compose file, the locks and docs/deployment.md say what the program does, and give nothing away."""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import SecretStr

from app.cli import cli
from app.hosting.vault import VAULT_URL
from app.settings import Limits, Settings
from app.settings_sources import CONFIG_FILE, SECRETS_DIR, known_names, load_settings
from sandbox.server import Sandbox
from tests.deploying import longest_stop, settings_of
from translation.operations import OLD_BASES

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION: str = PROJECT["project"]["version"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
COMMANDS: dict[str, Any] = vars(typer.main.get_command(cli))["commands"]
SETTINGS = dict(known_names(Settings))
SECRETS = {name for name, field in SETTINGS.items() if field.annotation is SecretStr}
LOCKS = {
    name: (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    for name in ("runtime", "build", "dev", "azure", "otlp")
}
EVERY_SERVICE = pytest.mark.parametrize("name", SERVICES)
EVERY_LOCK = pytest.mark.parametrize("lock", LOCKS.values(), ids=list(LOCKS))


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, " ".join(rest.split())))
    return found


def final(word: str) -> list[str]:
    """What the last stage says with this instruction."""
    return [rest for instruction, rest in stages()[-1] if instruction == word]


def parse(words: list[str]) -> None:
    """Let the command line read the words, without running them."""
    COMMANDS[words[0]].make_context(words[0], list(words[1:]))


def pinned(lock: str) -> dict[str, str]:
    """Name and version of each package of a lock."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))


def hosts_to_avoid() -> Iterator[str]:
    """Registries; written in parts, as this file is searched too."""
    for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org"), ("docker", "io"),
        ("docker", "com"), ("ghcr", "io"), ("quay", "io"), ("azurecr", "io"), ("mcr", "microsoft", "com"),
    ):  # fmt: skip
        yield ".".join(parts)


# The image.


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert final("USER") == ["10001:10001"]
    (account,) = final("RUN")
    assert "--uid 10001" in account
    assert "--shell /usr/sbin/nologin" in account


def test_the_image_starts_the_program_without_a_shell() -> None:
    (entry,), (command,) = final("ENTRYPOINT"), final("CMD")
    assert json.loads(entry) == list(PROJECT["project"]["scripts"])
    parse(json.loads(command))
    assert json.loads(command)[-1] == final("EXPOSE")[0]
    assert final("STOPSIGNAL") == ["SIGTERM"]


def test_the_health_check_is_the_program_and_asks_where_it_listens() -> None:
    (health,) = final("HEALTHCHECK")
    program, *words = json.loads(health.partition(" CMD ")[2])
    assert [program] == list(PROJECT["project"]["scripts"])
    parse(words)
    asked = {option.name: option.default for option in COMMANDS[words[0]].params}["url"]
    assert f":{final('EXPOSE')[0]}/livez" in str(asked)


def test_the_image_holds_the_environment_and_nothing_else() -> None:
    assert final("COPY") == ["--from=build /opt/venv /opt/venv"]
    assert not final("ADD")
    assert len(final("RUN")) == 1


def test_no_layer_is_given_a_secret() -> None:
    for word, rest in (instruction for stage in stages() for instruction in stage):
        assert word != "ARG" or rest in ('EXTRAS=""', 'REVISION=""')
        if word in ("ENV", "RUN", "LABEL"):
            assert not re.search(r"EVTMGMT_|token|secret|password|--mount", rest, re.IGNORECASE)


def test_everything_that_is_installed_is_locked() -> None:
    installs = [part for word, rest in stages()[0] if word == "RUN" for part in rest.split("&&") if "pip install" in part]
    assert len(installs) == 4
    for install in installs[:-1]:
        assert re.search(r"--require-hashes -r \"?requirements/(build|runtime|\$extra)\.lock", install)
    assert "--no-deps dist/*.whl" in installs[-1]


def test_every_package_travels_to_the_builder_and_nothing_else_does() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {source for word, rest in stages()[0] if word == "COPY" for source in rest.split()[:-1]}
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert copied >= set(packages)
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {re.sub(r"[^/]+\.lock$", "*.lock", name) for name in copied}


def test_the_label_names_the_version() -> None:
    (labels,) = final("LABEL")
    assert f'org.opencontainers.image.version="{VERSION}"' in labels


def test_what_names_a_version_of_the_image_names_this_one() -> None:
    files = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("kustomization.yaml"), *(ROOT / "deploy").rglob("*.bicep")]
    named = {
        (str(path.relative_to(ROOT)), version)
        for path in files
        for version in re.findall(r"(?:evtmgmt-proxy:|newTag: \")(\d[\w.]*)", path.read_text(encoding="utf-8"))
    }
    assert len({path for path, _ in named}) >= 4
    assert {version for _, version in named} == {VERSION}, named


def test_the_changes_of_this_version_are_told_under_its_number() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased, newest, *_ = re.findall(r"^## (.+)$", changes, flags=re.MULTILINE)
    assert unreleased == "Unreleased"
    assert re.fullmatch(rf"{re.escape(VERSION)} - \d{{4}}-\d\d-\d\d", newest)


# The Compose file.


@EVERY_SERVICE
def test_a_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "pid", "ipc", "devices"}
    assert service.get("user", "10001:10001") == "10001:10001"
    named = tuple(f"{volume}:" for volume in COMPOSE["volumes"])
    assert all(volume.endswith(":ro") or volume.startswith(named) for volume in service.get("volumes", ()))
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_proxy_has_time_to_stop_and_a_place_for_metrics() -> None:
    proxy = SERVICES["proxy"]
    assert int(proxy["stop_grace_period"].removesuffix("s")) > Limits().shutdown_timeout
    assert proxy["tmpfs"][0].startswith("/tmp:")
    assert proxy["restart"] == "unless-stopped"
    assert proxy["healthcheck"]["test"][0] == "CMD"
    parse(proxy["healthcheck"]["test"][2:])


def test_secrets_are_files_named_as_their_settings() -> None:
    proxy = SERVICES["proxy"]
    assert set(proxy["secrets"]) == set(COMPOSE["secrets"]) <= SECRETS
    assert proxy["environment"][SECRETS_DIR] == "/run/secrets"
    assert not SECRETS & set(proxy["environment"])
    for name, secret in COMPOSE["secrets"].items():
        path = Path(secret["file"])
        assert path.name == name
        assert "*" in (ROOT / path.parent / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_file_that_compose_mounts_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            if volume.split(":")[0] in COMPOSE["volumes"]:
                continue
            assert (ROOT / volume.split(":")[0]).exists(), volume


def test_the_state_has_a_volume_that_the_container_s_user_may_write() -> None:
    assert SERVICES["proxy"]["volumes"] == ["state:/var/lib/evtmgmt"]
    assert final("RUN")[0].endswith(" && install -d -o 10001 -g 10001 -m 0700 /var/lib/evtmgmt")


def test_the_proxy_can_serve_the_portal_beside_which_it_stands() -> None:
    serving = SERVICES["proxy-serving"]
    volumes = dict(volume.split(":")[1::-1] for volume in serving["volumes"])
    folder = serving["environment"]["EVTMGMT_PORTAL__STATIC_DIR"]
    assert (ROOT / volumes[folder] / "index.html").is_file()
    values = json.loads((ROOT / volumes[f"{folder}/config.json"]).read_text(encoding="utf-8"))
    assert values["apiEndpoint"] == f"/{OLD_BASES[0]}/"
    assert serving["environment"].items() >= SERVICES["proxy"]["environment"].items()
    assert serving["secrets"] == SERVICES["proxy"]["secrets"]


@pytest.mark.parametrize("name", ["proxy", "proxy-serving", "proxy-demo"])
def test_a_proxy_of_compose_loads_its_settings_and_has_time_to_stop(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {
        "EVTMGMT_REALTIME__ENDPOINT": "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/7c4da5b8-9213-5832-a876-25131f35b338/eventmanagement/",
        "EVTMGMT_REALTIME__ORIGIN": "https://events.example.com",
        "EVTMGMT_STATE__PATH": str(tmp_path / "state"),
    }
    service = SERVICES[name]
    environment = {
        variable: re.sub(r"\$\{(\w+):-\}", lambda match: given.get(match[1], ""), value)
        for variable, value in service["environment"].items()
    }
    for secret in service.get("secrets", ()):
        (tmp_path / secret).write_text("a token", encoding="utf-8")
    if SECRETS_DIR in environment:
        environment[SECRETS_DIR] = str(tmp_path)
    if "EVTMGMT_PORTAL__STATIC_DIR" in environment:
        environment["EVTMGMT_PORTAL__STATIC_DIR"] = str(ROOT / "sandbox" / "portal")
    settings = settings_of(environment, tmp_path, monkeypatch)
    assert int(service["stop_grace_period"].removesuffix("s")) >= longest_stop(settings) + 10


@pytest.mark.parametrize(("config", "proxy"), [("portal-config", "proxy"), ("portal-demo-config", "sandbox")])
def test_a_portal_calls_the_proxy_that_stands_beside_it(config: str, proxy: str) -> None:
    values = json.loads((ROOT / "deploy" / f"{config}.json").read_text(encoding="utf-8"))
    port = next(port.split(":")[1] for port in SERVICES[proxy]["ports"] if port.endswith(f":{final('EXPOSE')[0]}"))
    assert values["apiEndpoint"] == f"http://localhost:{port}/{OLD_BASES[0]}/"
    assert values.keys() == json.loads((ROOT / "sandbox" / "portal" / "config.json").read_text(encoding="utf-8")).keys()


def test_the_demo_is_in_its_profile_and_its_parts_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {
        "sandbox",
        "proxy-demo",
        "portal-demo",
        "proxy-serving",
        "prometheus",
        "grafana",
    }
    assert SERVICES["proxy-demo"]["network_mode"] == "service:sandbox"
    options = dict(word.removeprefix("--").split("=", 1) for word in SERVICES["sandbox"]["command"])
    sandbox = Sandbox(port=int(options["port"]), realtime_token=options["realtime-token"], realtime_origin=options["origin"])
    sandbox.realtime.base_url = sandbox.base_url
    monkeypatch.chdir(tmp_path)
    for name, value in SERVICES["proxy-demo"]["environment"].items():
        monkeypatch.setenv(name, value)
    realtime = load_settings().realtime
    assert realtime.endpoint == sandbox.realtime_endpoint
    assert realtime.token.get_secret_value() == sandbox.realtime_token
    assert realtime.origin == options["origin"]
    portal = next(port.split(":")[1] for port in SERVICES["portal-demo"]["ports"])
    assert realtime.origin == f"http://localhost:{portal}"


# Names.


@pytest.mark.parametrize(
    "path",
    [
        *("docker-compose.yml", "Dockerfile", "Makefile", "docs/deployment.md", "docs/kubernetes.md", "docs/systemd.md"),
        *("docs/azure.md", "docs/behind-a-proxy.md"),
    ],
)
def test_every_setting_that_is_named_exists(path: str) -> None:
    options = {str(option.envvar) for command in COMMANDS.values() for option in command.params if option.envvar}
    named = set(re.findall(r"EVTMGMT_\w+", (ROOT / path).read_text(encoding="utf-8")))
    assert named <= set(SETTINGS) | options | {CONFIG_FILE, SECRETS_DIR, VAULT_URL}


def test_the_page_names_services_commands_and_targets_that_exist() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for service in re.findall(r"docker compose up ([a-z][a-z-]*)", page):
        assert service in SERVICES
    for service, command in re.findall(r"docker compose run --rm (\S+) (\w+)", page):
        assert service in SERVICES
        assert command in COMMANDS
    for target in re.findall(r"make ([a-z]+)", page):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


# The locks.


@EVERY_LOCK
def test_a_lock_has_hashes_and_no_addresses(lock: str) -> None:
    requirements = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    assert requirements.pop(0).strip() == ""
    for requirement in requirements:
        assert re.match(r"[a-z0-9.-]+==\S+", requirement)
        assert "--hash=sha256:" in requirement
    assert not re.search(r"://|^\s*-(?!-hash)|index-url|find-links|@ ", lock, re.MULTILINE)


def test_the_locks_agree_and_hold_what_the_project_names() -> None:
    dev = pinned(LOCKS["dev"])
    for name in ("runtime", "build", "azure", "otlp"):
        assert pinned(LOCKS[name]).items() <= dev.items()
    assert {"azure", "otlp"} == PROJECT["project"]["optional-dependencies"].keys()
    for extra in PROJECT["project"]["optional-dependencies"]:
        assert pinned(LOCKS[extra]).items() > pinned(LOCKS["runtime"]).items()
    named = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]]
    named += [entry for entry in PROJECT["dependency-groups"]["dev"] if isinstance(entry, str)]
    for requirement in named:
        assert re.match(r"[a-z0-9.-]+", requirement)[0] in dev  # type: ignore[index]
    for requirement in PROJECT["project"]["dependencies"]:
        assert re.match(r"[a-z0-9.-]+", requirement)[0] in pinned(LOCKS["runtime"])  # type: ignore[index]


# The tree.


def test_no_file_names_a_registry_or_a_path_of_somebody_s_machine() -> None:
    if not (ROOT / ".git").exists() or not (git := shutil.which("git")):
        pytest.skip("not a clone, or no git")
    listing = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    forbidden = re.compile(
        rb"(?<![\w.-])(?:" + b"|".join(re.escape(host.encode()) for host in hosts_to_avoid()) + rb")\b"
        rb"|(?<![\w.~:-])/(?:work|root|home|Users)/|/opt/(?:wheels|pypi)"
    )
    files = [ROOT / name.decode() for name in listing.stdout.split(b"\0") if name]
    assert ROOT / "pyproject.toml" in files
    for path in filter(Path.is_file, files):
        assert not forbidden.search(path.read_bytes()), path
