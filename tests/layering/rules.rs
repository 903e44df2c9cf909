//! The rules: layers with what they may import and name, the order of the engine's modules, and the one place of each effect.

/// A folder or file of `src`, what it may import of the others, and what its code may not name.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) imports: &'static [&'static str],
    pub(crate) forbidden: &'static [&'static str],
    pub(crate) reason: &'static str,
}

pub(crate) const LAYERS: &[Layer] = &[
    Layer {
        name: "compute",
        imports: &[],
        forbidden: &["reqwest", "kube::"],
        reason: "a helper of all layers",
    },
    Layer {
        name: "failpoint",
        imports: &[],
        forbidden: &["reqwest", "kube::"],
        reason: "a helper of all layers",
    },
    Layer {
        name: "api",
        imports: &[],
        forbidden: &["reqwest", "tokio", "kube::Client", "kube::Api", "kube::api::"],
        reason: "api is what users write: types, no I/O",
    },
    Layer {
        name: "plan",
        imports: &["api"],
        forbidden: &[
            "reqwest",
            "tokio",
            "kube::",
            "k8s_openapi",
            "std::time",
            "std::fs",
            "std::net",
            "std::env",
            "brightpearl",
            "contensis",
            "superoffice",
        ],
        reason: "plan is pure: no client, no clock, no I/O, no vendor by name",
    },
    Layer {
        name: "manifest",
        imports: &["api"],
        forbidden: &["reqwest", "tokio", "kube::", "std::net", "std::env", "std::time", "fs::write"],
        reason: "manifest reads files and knows the kinds: no cluster, no vendor, no clock",
    },
    Layer {
        name: "set",
        imports: &["api", "plan"],
        forbidden: &[
            "reqwest",
            "tokio",
            "kube::Client",
            "kube::Api",
            "kube::api::",
            "std::time",
            "std::fs",
            "std::net",
            "std::env",
            "brightpearl",
            "contensis",
            "superoffice",
        ],
        reason: "set is pure and knows no vendor by name: the controller reads and writes",
    },
    Layer {
        name: "vendor",
        imports: &["api", "plan", "compute", "failpoint"],
        forbidden: &["kube::", "k8s_openapi"],
        reason: "vendor does not know Kubernetes",
    },
    Layer {
        name: "import",
        imports: &["api", "plan", "vendor"],
        forbidden: &[
            "reqwest",
            "tokio",
            "kube::Client",
            "kube::Api",
            "std::time",
            "std::fs",
            "std::net",
            "std::env",
            "brightpearl",
            "contensis",
            "superoffice",
        ],
        reason: "import is pure and knows no vendor by name: the command line lists the vendor and prints",
    },
    Layer {
        name: "telemetry",
        imports: &["api", "vendor"],
        forbidden: &["kube::", "k8s_openapi"],
        reason: "telemetry only receives: it reads no state of other layers",
    },
    Layer {
        name: "engine",
        imports: &["api", "plan", "vendor", "telemetry", "compute", "failpoint"],
        forbidden: &[
            "reqwest",
            "Brightpearl",
            "Contensis",
            "Superoffice",
            "brightpearl",
            "contensis",
            "superoffice",
            "OAUTH",
        ],
        reason: "the engine serves the controller and the command line, and knows no vendor by name: see vendor::secret_refs",
    },
    Layer {
        name: "controller",
        imports: &["api", "plan", "set", "vendor", "telemetry", "engine"],
        forbidden: &["reqwest"],
        reason: "the controller works without the command line and without files",
    },
    Layer {
        name: "ui",
        imports: &["api", "plan", "engine"],
        forbidden: &["reqwest", "PreEscaped", "ObjectApi", "brightpearl", "contensis", "superoffice"],
        reason: "the pages show what watches have read: they call no vendor, write nothing and escape everything",
    },
    Layer {
        name: "cli",
        imports: &[
            "api",
            "plan",
            "set",
            "manifest",
            "vendor",
            "import",
            "telemetry",
            "engine",
            "controller",
            "ui",
        ],
        forbidden: &["reqwest"],
        reason: "only vendor::transport sends requests to vendors",
    },
    Layer {
        name: "fuzzing",
        imports: &["api", "plan", "manifest", "vendor", "engine"],
        forbidden: &[],
        reason: "fuzzing makes internals callable for fuzz/",
    },
];

/// Modules of `src/engine`, lowest first: each imports only from rows above its own, and from itself.
pub(crate) const ENGINE: &[&[&str]] = &[
    &["error", "clock", "client", "dependency", "digest", "fingerprint", "interval", "limiter"],
    &["state"],
    &["cluster"],
    &["inputs", "status"],
    &["pass"],
    &["preview"],
];

/// Parts of the engine that are no module of it: re-exports, and what fuzz/ calls.
pub(crate) const NO_MODULE: &[&str] = &["mod", "fuzzing"];

/// Modules of `src/engine` that compute without waiting: none of their code is `async`.
pub(crate) const SYNCHRONOUS: &[&str] = &["state", "inputs", "status"];

/// A word, the files (or folders) that may contain it, and the reason.
pub(crate) const EFFECTS: &[(&str, &str, &str)] = &[
    (".execute(", "vendor/transport.rs", "only the transport sends requests to vendors"),
    ("reqwest::Client", "vendor/transport/http.rs", "only the transport sends requests to vendors"),
    (
        "Api<Secret>",
        "engine/cluster/secrets.rs engine/cluster/token_store.rs",
        "secrets.rs reads Secrets, token_store.rs writes back exchanged tokens",
    ),
    ("patch_status", "engine/cluster/writer.rs engine/cluster/objects.rs", "only the writer writes status"),
    (
        "Api::namespaced(",
        "engine/cluster/objects.rs",
        "a name becomes part of a path only as an ObjectName, which is validated",
    ),
    (
        ".get_opt(",
        "engine/cluster/objects.rs",
        "a name becomes part of a path only as an ObjectName, which is validated",
    ),
    ("Api<Event>", "engine/cluster/writer.rs", "only the writer creates events"),
    ("FAILPOINTS", "failpoint.rs", "only failpoint.rs reads which fail points are set"),
    ("stdout().lock()", "cli/print.rs", "only cli::print prints, as it escapes control characters"),
    (
        "stderr().lock()",
        "cli/print.rs telemetry/logging.rs",
        "only cli::print prints, as it escapes control characters",
    ),
    ("println!", "main.rs failpoint.rs", "only cli::print prints, as it escapes control characters"),
    (
        "expose_secret",
        "plan/document.rs plan/redact.rs vendor/ engine/cluster/token_store.rs engine/cluster/values.rs",
        "secrets are exposed only where they are read, sent, stored, compared or redacted",
    ),
];
