FROM python:3.12-slim

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
# What METER_TYPE=emporia needs beside: docker compose build --build-arg EXTRA=pyemvue
ARG EXTRA=
RUN test -z "$EXTRA" || pip install --no-cache-dir "$EXTRA"
COPY pyproject.toml README.md LICENSE dagster.yaml workspace.yaml ./
COPY homeiq_assets ./homeiq_assets
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && useradd --uid 1000 homeiq && mkdir .homeiq && chown homeiq .homeiq
USER homeiq
# dagster.yaml is found here; its relative folders, and HOMEIQ_HOME's default, are in the volume at /app/.homeiq.
ENV DAGSTER_HOME=/app HOMEIQ_HOME=/app/.homeiq
VOLUME /app/.homeiq
