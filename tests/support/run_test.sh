#!/bin/sh
# Runs a test. Where nothing may be skipped (MNEMA_NO_SKIP is set, as by .ci/run), its exit code 77, "skipped", is a
# failure; anywhere else CTest lists it as skipped.
"$@"
code=$?
if [ "$code" -eq 77 ] && [ -n "${MNEMA_NO_SKIP:-}" ]; then
  echo "FAILED: something was skipped, and MNEMA_NO_SKIP is set" >&2
  exit 1
fi
exit "$code"
