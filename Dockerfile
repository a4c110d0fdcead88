FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XIAOPENG_SERVER__HOST=0.0.0.0 \
    XIAOPENG_SERVER__PORT=8080 \
    XIAOPENG_STORE__PATH=/data/xiaopeng.db

RUN useradd --system --uid 10001 --no-create-home xiaopeng
RUN mkdir /data && chown xiaopeng /data

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock
COPY LICENSE ./
COPY prompts ./prompts
COPY plugins ./plugins
COPY bot ./bot
# A slim image may come without the compiled standard library, and the bot's user cannot write it.
RUN python -m compileall -q bot plugins && python -m compileall -q -x 'site-packages|test' "$(python -c 'import os; print(os.path.dirname(os.__file__))')"

USER xiaopeng
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['XIAOPENG_SERVER__PORT'] + '/healthz', timeout=4)"]
CMD ["python", "-m", "bot", "run"]
