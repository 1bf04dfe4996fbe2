#!/usr/bin/env bash
# Sends a GitHub `issues` event, signed as GitHub signs it, to the triage agent of a running `./dev run`.
#
#   examples/webhook.sh "Crash when saving" "It crashes with a segfault when I press save."
#
# MNEMA_URL (http://127.0.0.1:7070), GITHUB_WEBHOOK_SECRET (quickstart). The draft appears in mnema-data/replies.ndjson.
set -euo pipefail
url=${MNEMA_URL:-http://127.0.0.1:7070}
secret=${GITHUB_WEBHOOK_SECRET:-quickstart}
number=$(date +%s)
body=$(python3 -c 'import json, sys; print(json.dumps({"action": "opened", "issue": {"number": int(sys.argv[1]), "title": sys.argv[2],
  "body": sys.argv[3]}, "repository": {"full_name": "acme/shop"}}))' "$number" "${1:-Crash when saving}" "${2:-It crashes.}")
signature=$(printf '%s' "$body" | openssl dgst -sha256 -hmac "$secret" | sed 's/.* //')
curl -sS "$url/hooks/github" -H 'Content-Type: application/json' -H 'X-GitHub-Event: issues' \
  -H "X-GitHub-Delivery: example-$number" -H "X-Hub-Signature-256: sha256=$signature" -d "$body" -w 'HTTP %{http_code}\n'
