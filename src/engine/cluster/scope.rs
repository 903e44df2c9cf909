//! What a refused write to the API server concerns: one object, all objects of a kind, or the server.
//!
//! A 403 has two meanings. An authorizer (RBAC or another) lacks a right for the whole kind, which only an administrator can
//! grant. An admission plugin, policy or webhook refuses one object. The API server answers both with the reason `Forbidden`
//! and tells them apart in the message alone: an authorizer's is always `<object> is forbidden: User "<name>" cannot <verb>
//! resource …` (`forbiddenMessage` in k8s.io/apiserver), a text that no policy can produce in that place, because its message
//! comes after the name of the plugin or policy. A 403 of any other form concerns its object. If that is wrong, each object backs
//! off by itself, which costs more requests but blocks nothing.

use kube::core::Status;

/// What a failed write concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The object has changed since it was read, or was deleted or created again. It is read again soon.
    Conflict,
    /// This object alone: a policy refuses it, or it is too large or invalid.
    Object,
    /// All objects of the kind, at least in this namespace: hooktender's `ServiceAccount` lacks a right.
    Rights,
    /// The API server: it is unreachable, overloaded, or fails.
    Server,
}

impl Scope {
    /// Returns what an answer of the API server concerns.
    pub(crate) fn of(status: &Status) -> Self {
        let message = status.message.as_str();
        // An admission webhook may answer with any code.
        if message.starts_with("admission webhook ") || message.contains("denied request: ") {
            return Self::Object;
        }
        match status.code {
            404 | 409 | 410 => Self::Conflict,
            403 if is_of_authorizer(message) => Self::Rights,
            400 | 403 | 413 | 422 => Self::Object,
            // etcd and gRPC have no code of their own for an object that is too large. An admission webhook that is unreachable concerns
            // only the objects that its selectors match.
            500 if is_too_large(message) || message.contains("failed calling webhook") => Self::Object,
            _ => Self::Server,
        }
    }
}

/// See the module's documentation.
fn is_of_authorizer(message: &str) -> bool {
    let why = message.split_once("forbidden: ").map_or(message, |(_, why)| why);
    why.starts_with("User \"") && why.contains("\" cannot ")
}

fn is_too_large(message: &str) -> bool {
    message.contains("too large") || message.contains("larger than max")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as kube-apiserver 1.36, etcd 3.6 and gRPC word them.
    #[test]
    fn each_refusal_concerns_one_object_or_all() {
        let rbac = r#"webhooks.hooktender.dev "a" is forbidden: User "system:serviceaccount:shop:operator" cannot patch resource "webhooks/status" in API group "hooktender.dev" in the namespace "shop""#;
        let other_authorizer = r#"forbidden: User "operator" cannot patch resource "webhooks" in API group "hooktender.dev" at the cluster scope: no opinion"#;
        let policy = r#"webhooks.hooktender.dev "a" is forbidden: ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request: frozen"#;
        let posing = r#"webhooks.hooktender.dev "a" is forbidden: ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request: User "x" cannot patch resource "webhooks""#;
        let webhook =
            r#"admission webhook "validation.gatekeeper.sh" denied the request: [team] label needed"#;
        let away = r#"Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: Post "https://x.svc:443/": connection refused"#;
        let grpc = "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2100000 vs. 2097152)";
        for (code, message, expected) in [
            (400, "error decoding patch", Scope::Object),
            (401, "Unauthorized", Scope::Server),
            (403, rbac, Scope::Rights),
            (403, other_authorizer, Scope::Rights),
            (403, policy, Scope::Object),
            (403, posing, Scope::Object),
            (403, webhook, Scope::Object),
            (503, webhook, Scope::Object),
            (403, r#"webhooks.hooktender.dev "a" is forbidden: exceeded quota: webhooks"#, Scope::Object),
            (403, "blocked by the proxy", Scope::Object),
            (404, r#"webhooks.hooktender.dev "a" not found"#, Scope::Conflict),
            (409, "the object has been modified", Scope::Conflict),
            (409, "Precondition failed: UID in precondition: 1, UID in object meta: 2", Scope::Conflict),
            (413, "Request entity too large: limit is 3145728", Scope::Object),
            (422, "Webhook.hooktender.dev is invalid", Scope::Object),
            (429, "too many requests, please try again later", Scope::Server),
            (500, "etcdserver: request is too large", Scope::Object),
            (500, "request is too large", Scope::Object),
            (500, grpc, Scope::Object),
            (500, away, Scope::Object),
            (500, "etcdserver: leader changed", Scope::Server),
            (503, "apiserver is shutting down", Scope::Server),
            (504, "Timeout: request did not complete within the allotted timeout", Scope::Server),
        ] {
            let status = Status::failure(message, "").with_code(code);
            assert_eq!(Scope::of(&status), expected, "{code} {message}");
        }
    }
}
