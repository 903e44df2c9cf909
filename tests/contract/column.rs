//! The columns: every vendor with every kind of credentials that it accepts.

use crate::world::World;
use hooktender::api::VendorName;
use hooktender::api::account::Vendor;
use serde_json::{Value, json};

/// A vendor and a kind of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    StaffToken,
    AccountToken,
    Oauth,
    ClientCredentials,
    Classic,
    SystemUser,
    RefreshToken,
    Basic,
    Ticket,
    Bearer,
}

/// The name of the Secret with the credentials.
pub(crate) const SECRET: &str = "login";

impl Column {
    pub(crate) const ALL: [Self; 10] = [
        Self::StaffToken,
        Self::AccountToken,
        Self::Oauth,
        Self::ClientCredentials,
        Self::Classic,
        Self::SystemUser,
        Self::RefreshToken,
        Self::Basic,
        Self::Ticket,
        Self::Bearer,
    ];

    pub(crate) fn vendor(self) -> VendorName {
        match self {
            Self::StaffToken | Self::AccountToken | Self::Oauth => VendorName::Brightpearl,
            Self::ClientCredentials | Self::Classic => VendorName::Contensis,
            Self::SystemUser | Self::RefreshToken | Self::Basic | Self::Ticket | Self::Bearer => {
                VendorName::Superoffice
            }
        }
    }

    /// The vendor's name, as the control API has it.
    pub(crate) fn vendor_name(self) -> &'static str {
        match self.vendor() {
            VendorName::Brightpearl => "brightpearl",
            VendorName::Contensis => "contensis",
            VendorName::Superoffice => "superoffice",
        }
    }

    /// The kind of credentials, as a manifest names it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::StaffToken => "staffToken",
            Self::AccountToken => "accountToken",
            Self::Oauth => "oauth",
            Self::ClientCredentials => "clientCredentials",
            Self::Classic => "classic",
            Self::SystemUser => "systemUser",
            Self::RefreshToken => "refreshToken",
            Self::Basic => "basic",
            Self::Ticket => "ticket",
            Self::Bearer => "bearer",
        }
    }

    /// Whether there is a token that can be renewed.
    pub(crate) fn renews(self) -> bool {
        match self {
            Self::Oauth | Self::ClientCredentials | Self::Classic | Self::SystemUser | Self::RefreshToken => {
                true
            }
            Self::StaffToken | Self::AccountToken | Self::Basic | Self::Ticket | Self::Bearer => false,
        }
    }

    /// How many token calls the first request takes: an OAuth app's Secret holds a token already.
    pub(crate) fn first_tokens(self) -> u64 {
        u64::from(self.renews() && self != Self::Oauth)
    }

    /// Whether the vendor is asked for the account's address. A ticket works in both editions; here it is online.
    pub(crate) fn is_online(self) -> bool {
        matches!(self, Self::SystemUser | Self::RefreshToken | Self::Ticket)
    }

    /// How many calls beside login and list the first list takes: for the account's address, or one for each of five rights.
    pub(crate) fn first_others(self) -> u64 {
        match self.vendor() {
            VendorName::Brightpearl => 0,
            VendorName::Contensis => 5,
            VendorName::Superoffice => u64::from(self.is_online()),
        }
    }

    /// The keys of the Secret with their values.
    pub(crate) fn secrets(self, code: &str, world: &World) -> Vec<(&'static str, String)> {
        let canary = |what: &str| format!("canary+{what}/{code}=");
        match self {
            Self::StaffToken | Self::AccountToken => vec![("token", canary("token"))],
            Self::Oauth => {
                ["access_token", "refresh_token", "client_secret"].map(|key| (key, canary(key))).to_vec()
            }
            Self::ClientCredentials => vec![("id", format!("id-{code}")), ("secret", canary("secret"))],
            Self::Classic => vec![("username", format!("user-{code}")), ("password", canary("password"))],
            Self::SystemUser => vec![
                ("client-secret", canary("client")),
                ("system-token", format!("My App-{code}")),
                ("private-key", world.private_pem.clone()),
            ],
            Self::RefreshToken => {
                vec![("client-secret", canary("client")), ("refresh-token", canary("refresh"))]
            }
            Self::Basic => vec![("username", format!("user-{code}")), ("password", canary("pass word"))],
            Self::Ticket => {
                vec![("ticket", format!("7T:{}", canary("ticket"))), ("app-token", canary("app"))]
            }
            Self::Bearer => vec![("token", format!("8A:{}", canary("bearer")))],
        }
    }

    /// The setting that makes the vendor accept these credentials only.
    pub(crate) fn accepted(self, code: &str, secrets: &[(&str, String)], world: &World) -> Value {
        let of = |key: &str| secrets.iter().find(|(name, _)| *name == key).unwrap().1.clone();
        match self {
            Self::StaffToken => json!({"staffTokens": {format!("{code}_ops"): of("token")}}),
            Self::AccountToken => json!({"accountTokens": {format!("{code}_ops"): of("token")}}),
            Self::Oauth => json!({"oauth": [{
                "appRef": format!("{code}_app"), "devRef": "dev", "clientSecret": of("client_secret"),
                "accessToken": of("access_token"), "refreshToken": of("refresh_token"),
            }]}),
            Self::ClientCredentials => {
                json!({"apiKeys": [{"clientId": of("id"), "clientSecret": of("secret")}]})
            }
            Self::Classic => json!({"users": [{"username": of("username"), "password": of("password")}]}),
            Self::SystemUser => json!({"apps": [{
                "clientId": format!("app-{code}"), "clientSecret": of("client-secret"),
                "systemUserToken": of("system-token"), "publicKeyPem": world.public_pem,
            }]}),
            Self::RefreshToken => json!({"apps": [{
                "clientId": format!("app-{code}"), "clientSecret": of("client-secret"),
                "refreshTokens": [of("refresh-token")],
            }]}),
            Self::Basic => json!({"users": {of("username"): of("password")}}),
            Self::Ticket => json!({"tickets": [of("ticket")], "appTokens": [of("app-token")]}),
            Self::Bearer => json!({"bearers": [of("token")]}),
        }
    }

    /// The account as a manifest would have it.
    pub(crate) fn account(self, code: &str, world: &World) -> Vendor {
        let at = |key: &str| json!({"name": SECRET, "key": key});
        let credentials = match self {
            Self::StaffToken | Self::AccountToken => {
                json!({"appRef": format!("{code}_ops"), "tokenSecretRef": at("token")})
            }
            Self::Oauth => {
                json!({"appRef": format!("{code}_app"), "devRef": "dev", "tokenSecretRef": {"name": SECRET}})
            }
            Self::ClientCredentials => {
                json!({"clientIdSecretRef": at("id"), "clientSecretSecretRef": at("secret")})
            }
            Self::Classic | Self::Basic => {
                json!({"usernameSecretRef": at("username"), "passwordSecretRef": at("password")})
            }
            Self::SystemUser => json!({
                "clientSecretSecretRef": at("client-secret"), "systemUserTokenSecretRef": at("system-token"),
                "privateKeySecretRef": at("private-key"),
            }),
            Self::RefreshToken => json!({
                "clientId": format!("app-{code}"), "clientSecretSecretRef": at("client-secret"),
                "refreshTokenSecretRef": at("refresh-token"),
            }),
            Self::Ticket => json!({"ticketSecretRef": at("ticket"), "appTokenSecretRef": at("app-token")}),
            Self::Bearer => json!({"tokenSecretRef": at("token")}),
        };
        let credentials = json!({self.kind(): credentials});
        let account = match self.vendor() {
            VendorName::Brightpearl => {
                json!({"url": world.brightpearl(), "account": code, "credentials": credentials})
            }
            VendorName::Contensis => {
                json!({"url": world.contensis(), "project": code, "credentials": credentials})
            }
            VendorName::Superoffice if self.is_online() => json!({
                "online": {"customerId": code, "url": world.superoffice()}, "credentials": credentials,
            }),
            VendorName::Superoffice => json!({
                "onsite": {"url": format!("{}/{code}", world.superoffice())}, "credentials": credentials,
            }),
        };
        serde_json::from_value(json!({self.vendor_name(): account})).unwrap()
    }
}
