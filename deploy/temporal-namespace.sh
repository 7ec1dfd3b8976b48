#!/bin/sh
# Makes the namespace, if it is not there. TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE are in the environment.
set -eu
if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  echo "The namespace $TEMPORAL_NAMESPACE is there."
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$NAMESPACE_RETENTION"
fi
