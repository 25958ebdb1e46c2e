"""The compose file: the proxy as docker-compose.yml of this project runs it, with the settings file and the secret beside it."""

from typing import Final

IMAGE_USER: Final = 10_001
"""Who the image runs as."""

_TEXT: Final = """\
# evtmgmt-proxy with {settings}: docker compose up -d
# The image is built in a copy of the project: make image

services:
  proxy:
    image: evtmgmt-proxy:latest
    restart: unless-stopped
    user: "{user}:{group}" # who may read the file of the secret
    ports: ["127.0.0.1:8080:8080"] # plain HTTP: for a reverse proxy with https on this host
    environment:
      EVTMGMT_CONFIG_FILE: /etc/evtmgmt/settings.toml
      EVTMGMT_SECRETS_DIR: /run/secrets
    volumes: ["./{settings}:/etc/evtmgmt/settings.toml:ro"]
    secrets: [EVTMGMT_REALTIME__TOKEN]
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    tmpfs: ["/tmp:size=64m,mode=1777"] # metrics of several workers
    stop_grace_period: 60s # longer than EVTMGMT_LIMITS__SHUTDOWN_TIMEOUT, and than a registration that is under way
    healthcheck:
      test: ["CMD", "evtmgmt-proxy", "health"]
      interval: 10s
      timeout: 5s
      start_period: 10s
      retries: 3

secrets:
  EVTMGMT_REALTIME__TOKEN:
    file: ./{secrets}/EVTMGMT_REALTIME__TOKEN
"""


def compose_file(settings: str, secrets: str, user: int, group: int) -> str:
    """The text of the file, in YAML.

    Args:
        settings: Name of the settings file beside it.
        secrets: Name of the folder of secrets beside it.
        user: Who the container runs as.
        group: Its group.
    """
    return _TEXT.format(settings=settings, secrets=secrets, user=user, group=group)
