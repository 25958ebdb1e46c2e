FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
COPY requirements/build.lock requirements/runtime.lock requirements/azure.lock requirements/otlp.lock requirements/
# What is not for everybody: "azure" (Key Vault), "otlp" (traces), or both with a blank between them.
ARG EXTRAS=""
RUN pip install --no-cache-dir --require-hashes -r requirements/build.lock \
    && uv venv --python "$(command -v python)" /opt/venv \
    && uv pip install --python /opt/venv --require-hashes -r requirements/runtime.lock \
    && for extra in ${EXTRAS}; do \
         uv pip install --python /opt/venv --require-hashes -r "requirements/$extra.lock" || exit 1; \
       done
# The project last: a change of it leaves the layers above as they are.
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY routes routes
COPY sandbox sandbox
COPY translation translation
# Some libraries ship their own tests.
RUN hatchling build -t wheel \
    && uv pip install --python /opt/venv --no-deps dist/*.whl \
    && find /opt/venv -type d -name tests -prune -exec rm -r {} +

FROM python:3.13-slim
ARG REVISION=""
LABEL org.opencontainers.image.title="evtmgmt-proxy" \
      org.opencontainers.image.description="Old portals of the Dynamics 365 Events API keep working on real-time journeys." \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT"
# A volume for the cutover's state takes owner and mode from the directory.
RUN groupadd --gid 10001 evtmgmt \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin evtmgmt \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/evtmgmt
COPY --from=build /opt/venv /opt/venv
# Byte-compiled above: nothing is written at run time, so the root can be read-only.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# By number, so that orchestrators can see that it is not root.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["evtmgmt-proxy", "health"]
ENTRYPOINT ["evtmgmt-proxy"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
