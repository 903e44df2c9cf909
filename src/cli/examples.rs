//! Examples and exit codes of each command: shown by `--help`, in manual pages and in docs/cli.md. A test parses each example.

/// A command line and what it does.
pub(super) struct Example {
    pub(super) what: &'static str,
    pub(super) line: &'static str,
}

/// What help and manual pages say about a command besides its arguments.
pub(super) struct CommandHelp {
    pub(super) name: &'static str,
    pub(super) examples: &'static [Example],
    pub(super) exit_status: &'static [(u8, &'static str)],
}

const fn example(what: &'static str, line: &'static str) -> Example {
    Example { what, line }
}

/// The exit codes of most commands.
pub(super) const EXIT_STATUS: &[(u8, &str)] = &[(0, "success"), (1, "an error, printed to stderr")];

const PLAN_STATUS: &[(u8, &str)] = &[
    (0, "nothing would be written at a vendor"),
    (1, "an error, or something that cannot be applied as it is declared"),
    (2, "something would be written at a vendor"),
];

const APPLY_STATUS: &[(u8, &str)] = &[
    (0, "everything is done, or nothing was to be done"),
    (1, "an error, or something was not done; stderr says what"),
];

const SYNC_STATUS: &[(u8, &str)] = &[
    (0, "the pass is requested; with --wait, it is done and all objects are ready"),
    (1, "an error, no answer in time, or an object is not ready"),
];

const CHECK_STATUS: &[(u8, &str)] = &[(0, "no problems"), (1, "a problem, or an error")];

const VALIDATE_STATUS: &[(u8, &str)] = &[
    (0, "the files are valid; warnings are printed to stderr"),
    (1, "a problem, or with --strict a warning"),
];

/// All commands that have examples.
pub(super) const COMMANDS: &[CommandHelp] = &[
    CommandHelp {
        name: "run",
        examples: &[
            example(
                "Show what the operator would do in the cluster of the kubeconfig.",
                "hooktender run --plan-only -n shop",
            ),
            example(
                "Run one of two replicas for all namespaces, as the Helm chart does.",
                "hooktender run --leader-elect --listen 0.0.0.0:8080",
            ),
        ],
        exit_status: &[(0, "ended by SIGTERM or Ctrl-C"), (1, "an error, printed to stderr")],
    },
    CommandHelp {
        name: "plan",
        examples: &[
            example("What would change in the namespace of the context?", "hooktender plan"),
            example("What would change for one Webhook?", "hooktender plan wh/product-changes -n shop"),
            example("What would change for the members of a set?", "hooktender plan whs/orders -n tenants"),
            example("What would change if these manifests were applied?", "hooktender plan -f webhooks/"),
            example(
                "The same without a cluster, as a comment on a pull request.",
                "hooktender plan --offline -f webhooks/ -o markdown",
            ),
        ],
        exit_status: PLAN_STATUS,
    },
    CommandHelp {
        name: "apply",
        examples: &[
            example(
                "Apply a folder of accounts, Secrets and Webhooks, after a question.",
                "hooktender apply --offline -f webhooks/",
            ),
            example("The same in a script.", "hooktender apply --offline -f webhooks/ --yes"),
        ],
        exit_status: APPLY_STATUS,
    },
    CommandHelp {
        name: "delete",
        examples: &[
            example(
                "Delete at the vendors what the files declare, after a question.",
                "hooktender delete --offline -f webhooks/",
            ),
            example("The same in a script.", "hooktender delete --offline -f webhooks/ --yes"),
        ],
        exit_status: APPLY_STATUS,
    },
    CommandHelp {
        name: "import",
        examples: &[
            example(
                "Manifests for what no Webhook declares at an account of the cluster.",
                "hooktender import --account shop/brightpearl",
            ),
            example(
                "One subscription, without a cluster.",
                "hooktender import -f account.yaml -f secret.yaml --id 7",
            ),
            example(
                "One set for what all accounts with a label have in common.",
                "hooktender import --as-set orders --account-selector plan=gold",
            ),
        ],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "explain",
        examples: &[
            example("Why is this Webhook not ready?", "hooktender explain wh/product-changes -n shop"),
            example("What is the state of this account?", "hooktender explain va/brightpearl"),
            example("Which members of this set need attention?", "hooktender explain whs/orders -n tenants"),
        ],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "sync",
        examples: &[
            example(
                "Read the vendor's list now, and wait for the outcome.",
                "hooktender sync va/brightpearl --wait",
            ),
            example("Retry two Webhooks.", "hooktender sync wh product-changes order-status -n shop"),
            example(
                "Read the lists of all accounts of a WebhookSet.",
                "hooktender sync whs/orders -n tenants --wait",
            ),
            example(
                "Wait no longer than a minute.",
                "hooktender sync wh/product-changes --wait --timeout 1m",
            ),
        ],
        exit_status: SYNC_STATUS,
    },
    CommandHelp {
        name: "suspend",
        examples: &[
            example("Leave one subscription as it is.", "hooktender suspend wh/product-changes -n shop"),
            example("Call a vendor no more.", "hooktender suspend va/brightpearl"),
        ],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "resume",
        examples: &[example("Reconcile it again.", "hooktender resume wh/product-changes -n shop")],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "check",
        examples: &[
            example("Check the cluster and the accounts of the context's namespace.", "hooktender check"),
            example(
                "Log in at a vendor, without a cluster.",
                "hooktender check --offline -f account.yaml -f secret.yaml",
            ),
            example(
                "An account before it is applied; its Secret is in the cluster.",
                "hooktender check -f account.yaml -n shop",
            ),
            example(
                "May the operator do what it has to, in all namespaces?",
                "hooktender check -A --for run --as system:serviceaccount:hooks:operator",
            ),
        ],
        exit_status: CHECK_STATUS,
    },
    CommandHelp {
        name: "validate",
        examples: &[
            example("Check all manifests of a repository.", "hooktender validate -R -f ."),
            example(
                "Check what Kustomize renders; every account has to be in it.",
                "kustomize build . | hooktender validate --strict -f -",
            ),
        ],
        exit_status: VALIDATE_STATUS,
    },
    CommandHelp {
        name: "init",
        examples: &[
            example("Begin with a Brightpearl account.", "hooktender init brightpearl > brightpearl.yaml"),
            example("Choose names.", "hooktender init contensis --name cms -n web"),
        ],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "ui",
        examples: &[
            example("Open the pages of the context's namespace in a browser.", "hooktender ui"),
            example(
                "Serve those of all namespaces, at a fixed port.",
                "hooktender ui -A --no-open --port 8099",
            ),
        ],
        exit_status: &[(0, "ended by SIGTERM or Ctrl-C"), (1, "an error, printed to stderr")],
    },
    CommandHelp {
        name: "ready",
        examples: &[example(
            "Wait for the operator, as a probe does.",
            "hooktender ready --address 127.0.0.1:8080 --timeout 5s",
        )],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "crds",
        examples: &[example("Install the CRDs.", "hooktender crds | kubectl apply --server-side -f -")],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "completion",
        examples: &[
            example(
                "bash, for this session; put the line into ~/.bashrc for all.",
                "source <(hooktender completion bash)",
            ),
            example("zsh, in ~/.zshrc after compinit.", "source <(hooktender completion zsh)"),
            example("fish.", "hooktender completion fish > ~/.config/fish/completions/hooktender.fish"),
            example(
                "kubectl hooktender: a script in a folder of the PATH; make it executable.",
                "hooktender completion kubectl > ~/.local/bin/kubectl_complete-hooktender",
            ),
        ],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "man",
        examples: &[
            example("Read a manual page.", "hooktender man plan | man -l -"),
            example("Install all of them.", "hooktender man --output-dir ~/.local/share/man/man1"),
        ],
        exit_status: EXIT_STATUS,
    },
    CommandHelp {
        name: "version",
        examples: &[example("The version for a program.", "hooktender version -o json")],
        exit_status: EXIT_STATUS,
    },
];

/// Returns what is said about a command.
pub(super) fn of(command: &str) -> Option<&'static CommandHelp> {
    COMMANDS.iter().find(|help| help.name == command)
}
