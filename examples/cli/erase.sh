#!/bin/sh
# Starts an erase, waits for it, prints its result as JSON: ./erase.sh FILE_ID [KEY]
# With Temporal's command line alone; it reads TEMPORAL_ADDRESS and the other variables of its kind.
# It ends with 0 and a result, with 1 and one sentence where an erase failed, with 2 and what was said where it is unknown: as
# of a server that cannot be reached.
set -eu
file_id=$1
key=${2:-cli-$file_id}
id="erase/key/$key"
answer=$(mktemp)
problem=$(mktemp)
trap 'rm -f "$answer" "$problem"' EXIT

# A run that succeeded before is not started again, which this command calls an error: the result is there.
if ! temporal workflow start --type erase --task-queue smart-erase --workflow-id "$id" \
  --id-conflict-policy UseExisting --id-reuse-policy AllowDuplicateFailedOnly \
  --input "{\"fileId\":\"$file_id\",\"subAppId\":${SUB_APP_ID:-1500000001},\"recipe\":{\"name\":\"subtitles\"},\"key\":\"$key\",\"requestedBy\":\"cli-example\"}" \
  >/dev/null 2>"$problem" && ! grep -q 'already finished successfully' "$problem"; then
  printf 'The erase could not be started: %s\n' "$(cat "$problem")" >&2
  exit 2
fi

if temporal workflow result --workflow-id "$id" --output json >"$answer" 2>"$problem"; then
  cat "$answer"
  exit 0
fi

# The last of its name is that of the failure itself: those of its causes stand before.
field() { sed -n "/^ *\"$1\": /{s///;s/,\$//;s/^\"//;s/\"\$//;p;}" "$answer" | tail -n 1; }

# `type` is our error class. A run that was cancelled or terminated has none, nor has a server that does not answer.
class=$(field type)
if [ -z "$class" ]; then
  printf 'The erase has no result:\n%s\n' "$(cat "$answer" "$problem")" >&2
  exit 2
fi
case $(field moneySpent) in
  true) spent='money was spent' ;;
  *) spent='nothing was paid' ;;
esac
printf 'The erase failed (%s, %s), %s: %s\n' "$class" "$(field code)" "$spent" "$(field message)" >&2
exit 1
