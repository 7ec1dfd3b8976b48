#!/bin/sh
# Brings Temporal's two databases to the schema of this server version, which the tool carries inside. Safe to repeat: what is
# there is left alone. Host, port, user, password and plugin are in the environment (SQL_*).
set -eu
for database in temporal temporal_visibility; do
  temporal-sql-tool --database "$database" setup-schema --version 0.0
  temporal-sql-tool --database "$database" update-schema --schema-name "postgresql/v12/${database#temporal_}"
done
