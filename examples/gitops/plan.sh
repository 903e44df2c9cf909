#!/bin/sh
# Plans the manifests of a pull request against the vendors, without a cluster, and writes the plan as Markdown.
#
#   plan.sh ACCOUNTS MANIFESTS SECRETS > plan.md
#
# ACCOUNTS is a folder with VendorAccounts, of the base branch: they say where the credentials in SECRETS are sent, and nobody
# has reviewed the pull request yet. MANIFESTS is the pull request's folder with Webhooks; VendorAccounts in it are not read.
# SECRETS is a file, from the pipeline's own secret store, with the Secrets that both name. hooktender only reads at the vendors:
# give it credentials that can do no more than that.
# Exit code: 0 whether or not there are changes, 1 if something cannot be planned or applied as it is declared.
set -u
accounts=${1:?plan.sh ACCOUNTS MANIFESTS SECRETS}
manifests=${2:?plan.sh ACCOUNTS MANIFESTS SECRETS}
secrets=${3:?plan.sh ACCOUNTS MANIFESTS SECRETS}
# Until it reads this token again, a runner of GitHub Actions takes no line of a log for a command.
if [ "${GITHUB_ACTIONS:-}" = true ]; then
  token=$(od -A n -N 16 -t x1 /dev/urandom | tr -d ' \n')
  trap 'echo "::$token::" >&2' EXIT
  echo "::stop-commands::$token" >&2
fi
"${HOOKTENDER:-hooktender}" plan --offline --output markdown --recursive \
  --accounts-from "$accounts" --filename "$manifests" --filename "$secrets"
code=$?
# 2 means changes, which is what pull requests are for.
[ "$code" -eq 2 ] && code=0
exit "$code"
