# Every part of Portrait in one image; which one runs is the command. Kafka and PostgreSQL are not in it.
#
# Behind a package index of your own, lend pip its configuration for the build; it stays out of the image:
#   docker build --secret id=pip,src="$HOME/.config/pip/pip.conf" --tag portrait:local .

ARG BASE_IMAGE=python:3.12-slim

FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/portrait
# What Portrait stands on changes less often than Portrait: a layer of its own.
COPY pyproject.toml ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/portrait/bin/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
    > /tmp/requirements.txt \
 && /opt/portrait/bin/pip install --requirement /tmp/requirements.txt
COPY . ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/portrait/bin/pip install --no-deps . \
 && /opt/portrait/bin/pip check

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Portrait" org.opencontainers.image.licenses="Apache-2.0"
# The directories are in the image so that a new volume mounted there belongs to this user.
RUN groupadd --gid 10001 portrait \
 && useradd --uid 10001 --gid portrait --home-dir /var/lib/portrait --no-create-home --shell /usr/sbin/nologin portrait \
 && install --directory --owner=portrait --group=portrait --mode=0700 \
    /var/lib/portrait /var/lib/portrait/owner /var/lib/portrait/worker /var/lib/portrait/finder /var/lib/portrait/keys \
    /var/lib/portrait/activation /var/lib/portrait/spool /var/lib/portrait/files /var/lib/portrait/drop
COPY --from=build /opt/portrait /opt/portrait
# One arena: with one for each thread the C library keeps a twelfth more of what Python has given back.
ENV PATH=/opt/portrait/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=1
USER portrait
WORKDIR /var/lib/portrait
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-m", "ops.containers", "healthy", "collector"]
CMD ["python", "-m", "producers.collector"]
