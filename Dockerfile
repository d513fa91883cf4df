# A server that runs tasks as a user of its own. See docs/how-to/deploy.md.
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 agent \
    && mkdir /state /work \
    && chown agent:agent /state /work \
    && chmod 700 /state
COPY . /opt/cc-executor
RUN pip install --no-cache-dir '/opt/cc-executor[server,redis,claude]'

USER agent
WORKDIR /work
ENV CC_EXECUTOR_HOME=/state
EXPOSE 8003
STOPSIGNAL SIGTERM
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8003/healthz', timeout=3)"]
ENTRYPOINT ["cc-executor", "server", "start", "--foreground"]
