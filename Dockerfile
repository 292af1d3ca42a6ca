# The bot on a plain Debian 12, installed by the same make target and lock that CI uses.
#
#   docker build -t voice-bot .
#   docker run --network host -v "$PWD/personas:/bot/personas" -v bot-db:/bot/database voice-bot
#
# SIP and RTP carry addresses in their messages: host networking is the way that always works.
FROM debian:bookworm-slim

SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008  Debian 12 keeps the interface of these; pinned versions leave its archive
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/bot
COPY Makefile requirements.lock ./
COPY scripts/ scripts/
RUN PIP_NO_CACHE_DIR=1 make install \
    && rm -rf /var/lib/apt/lists/*

COPY LICENSE README.md ./
COPY bot/ bot/
COPY config.toml /bot/config/config.toml
COPY personas/ /bot/personas/
COPY dialplans/ /bot/dialplans/
RUN .venv/bin/python -m compileall -q bot \
    && useradd --system --uid 10001 --home-dir /bot --shell /usr/sbin/nologin bot \
    && mkdir -p /bot/recordings /bot/database \
    && chown -R bot:bot /bot

ENV PYTHONUNBUFFERED=1 \
    BOT__WEB__BIND=0.0.0.0:8080 \
    BOT__PERSONAS__DIR=/bot/personas \
    BOT__DIALPLANS__DIR=/bot/dialplans \
    BOT__RECORDINGS__DIR=/bot/recordings \
    BOT__STORE__PATH=/bot/database/bot.db \
    BOT__SPEECH__SOCKET=/bot/database/speech.sock

USER bot
VOLUME ["/bot/config", "/bot/personas", "/bot/dialplans", "/bot/recordings", "/bot/database"]
EXPOSE 5060/udp 5060/tcp 4000-4399/udp 8080/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/bot/.venv/bin/python", "-m", "bot", "healthy", "-c", "/bot/config/config.toml"]
ENTRYPOINT ["/opt/bot/.venv/bin/python", "-m", "bot"]
CMD ["serve", "-c", "/bot/config/config.toml"]
