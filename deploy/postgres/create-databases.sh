#!/bin/sh
# Runs once, when the volume is new: a role and databases of its own for Temporal and for the ledger, so that neither can
# read or drop what belongs to the other. The passwords come from .env by way of the container's environment.
# In a shell of its own: where a clone has lost the executable bit, the image reads this file into its entry point.
(
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -v temporal_password="$TEMPORAL_DB_PASSWORD" -v ledger_password="$LEDGER_DB_PASSWORD" <<'SQL'
create role temporal login password :'temporal_password';
create database temporal owner temporal;
create database temporal_visibility owner temporal;
create role smart_erase login password :'ledger_password';
create database smart_erase owner smart_erase;
SQL
)
