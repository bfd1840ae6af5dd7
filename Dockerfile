# docker build -t forebay .
# docker run -v forebay:/data forebay replica --replicaof PRIMARY 6379 --dir /data
#
# Metrics and the page: `-p 127.0.0.1:6381:6381`, and `--http 0.0.0.0:6381`.
# To serve replicas: `-p 6380:6380`, `--bind 0.0.0.0`, and a password (FOREBAY_REQUIREPASS_FILE).
FROM node:22-bookworm-slim AS build
WORKDIR /src
# The store is filled by the lock file alone: a change of the sources leaves this layer as it is.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
RUN npx --yes "$(node -p "require('./package.json').packageManager.split('+')[0]")" fetch
COPY . .
RUN node scripts/deploy.mjs /app

FROM node:22-bookworm-slim
ENV NODE_ENV=production
COPY --from=build /app /app
# A volume takes owner and mode from here; the log is for its owner only.
RUN ln -s /app/bin/forebay.js /usr/local/bin/forebay \
  && install -d -o node -g node -m 0700 /data
USER node
WORKDIR /data
VOLUME /data
EXPOSE 6380 6381
STOPSIGNAL SIGTERM
# The daemon is process 1 itself: it takes SIGTERM and SIGINT, ends with everything on the disk, and starts no
# process that it does not wait for. Commands that take no signals of their own want `docker run --init`.
ENTRYPOINT ["forebay"]
CMD ["--help"]
