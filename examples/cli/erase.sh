#!/bin/sh
# Starts an erase, waits for it, prints its result as JSON: ./erase.sh FILE_ID [KEY]
# With Temporal's command line alone; it reads TEMPORAL_ADDRESS and the other variables of its kind.
set -eu
file_id=$1
key=${2:-cli-$file_id}
id="erase/key/$key"

# A run that succeeded before is not started again, which this command calls an error: the result is there.
temporal workflow start --type erase --task-queue smart-erase --workflow-id "$id" \
  --id-conflict-policy UseExisting --id-reuse-policy AllowDuplicateFailedOnly \
  --input "{\"fileId\":\"$file_id\",\"subAppId\":${SUB_APP_ID:-1500000001},\"recipe\":{\"name\":\"subtitles\"},\"key\":\"$key\"}" \
  >/dev/null 2>&1 || temporal workflow describe --workflow-id "$id" >/dev/null

# Of a run that failed it prints the failure, and ends with an exit code above 0: `type` is our error class.
if answer=$(temporal workflow result --workflow-id "$id" --output json 2>/dev/null); then
  printf '%s\n' "$answer"
else
  printf 'The erase failed: %s\n' "$answer" >&2
  exit 1
fi
