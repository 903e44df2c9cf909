//! Declares webhook subscriptions at SaaS vendors as Kubernetes objects and keeps the vendors in step.

pub mod api;
pub mod plan;
pub mod vendor;
