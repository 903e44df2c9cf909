#!/bin/sh
# Plans the manifests of a pull request against the vendors, without a cluster, and writes the plan as Markdown.
#
#   plan.sh MANIFESTS SECRETS > plan.md
#
# MANIFESTS is the folder with VendorAccounts and Webhooks; SECRETS a file, from the pipeline's own secret store, with the
# Secrets that they name. hooktender only reads at the vendors: give it credentials that can do no more than that.
# Exit code: 0 whether or not there are changes, 1 if something cannot be planned or applied as it is declared.
set -u
manifests=${1:?plan.sh MANIFESTS SECRETS}
secrets=${2:?plan.sh MANIFESTS SECRETS}
"${HOOKTENDER:-hooktender}" plan --offline --output markdown --recursive --filename "$manifests" --filename "$secrets"
code=$?
# 2 means changes, which is what pull requests are for.
[ "$code" -eq 2 ] && code=0
exit "$code"
