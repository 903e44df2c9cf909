#!/bin/sh
# Plans the manifests of a pull request against the vendors, without a cluster, and writes the plan as Markdown.
#
#   plan.sh ACCOUNTS MANIFESTS SECRETS > plan.md
#
# ACCOUNTS is a folder with VendorAccounts from the base branch: they define where the credentials in SECRETS are sent, and
# the pull request is not reviewed yet. MANIFESTS is the pull request's folder with Webhooks; VendorAccounts in it are ignored.
# SECRETS is a file from the pipeline's secret store, with the Secrets that both refer to. hooktender only reads the vendors:
# use read-only credentials.
# Exit code: 0 with or without changes, 1 if something cannot be planned or applied as declared.
set -u
accounts=${1:?plan.sh ACCOUNTS MANIFESTS SECRETS}
manifests=${2:?plan.sh ACCOUNTS MANIFESTS SECRETS}
secrets=${3:?plan.sh ACCOUNTS MANIFESTS SECRETS}
# GitHub Actions treats no line of the log as a command until it reads this token again.
if [ "${GITHUB_ACTIONS:-}" = true ]; then
  token=$(od -A n -N 16 -t x1 /dev/urandom | tr -d ' \n')
  trap 'echo "::$token::" >&2' EXIT
  echo "::stop-commands::$token" >&2
fi
"${HOOKTENDER:-hooktender}" plan --offline --output markdown --recursive \
  --accounts-from "$accounts" --filename "$manifests" --filename "$secrets"
code=$?
# 2 means changes, which are expected in a pull request.
[ "$code" -eq 2 ] && code=0
exit "$code"
