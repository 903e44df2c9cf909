use super::*;
use crate::api::VendorName;
use crate::api::account::Vendor;
use crate::plan::Redactor;
use crate::vendor::transport::{Access, Http};
use crate::vendor::{AllowedEndpoints, Budget};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex as StdMutex;
use std::task::Poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A vendor whose refresh tokens `r0`, `r1`, … are valid once, and a Secret.
#[derive(Default)]
struct World {
    exchanges: StdMutex<u32>,
    stored: StdMutex<u32>,
    /// How many writes to the Secret fail before one succeeds.
    refusals: StdMutex<u32>,
}

impl World {
    fn exchanged(&self) -> u32 {
        *self.exchanges.lock().unwrap()
    }

    fn stored(&self) -> u32 {
        *self.stored.lock().unwrap()
    }

    async fn answer(&self, mut stream: TcpStream) {
        let (mut request, mut part) = (String::new(), [0; 1024]);
        while !request.contains("client_id=") {
            let length = stream.read(&mut part).await.unwrap();
            request.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        let (status, body) = {
            let mut exchanges = self.exchanges.lock().unwrap();
            if request.contains(&format!("refresh_token=r{exchanges}&")) {
                *exchanges += 1;
                let pair = serde_json::json!({"access_token": format!("a{exchanges}"), "token_type": "bearer",
                    "refresh_token": format!("r{exchanges}"), "expires_in": 3600});
                ("200 OK", pair.to_string())
            } else {
                ("400 Bad Request", r#"{"error": "invalid_grant"}"#.to_owned())
            }
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    }
}

impl TokenStore for World {
    fn check_writable(&self) -> BoxFuture<'_, Result<(), PersistError>> {
        tokio::task::yield_now().map(Ok).boxed()
    }

    fn persist(
        &self,
        replaced: (&'static str, SecretString),
        tokens: NewTokens,
    ) -> BoxFuture<'_, Result<(), PersistError>> {
        let number = |token: &SecretString| token.expose_secret()[1..].parse::<u32>().unwrap();
        async move {
            tokio::task::yield_now().await;
            {
                let (mut refusals, mut stored) = (self.refusals.lock().unwrap(), self.stored.lock().unwrap());
                if *refusals > 0 {
                    *refusals -= 1;
                    return Err(PersistError::Failed("the API server is away".into()));
                }
                assert_eq!(*stored, number(&replaced.1), "the stored token is replaced");
                *stored = number(&tokens.iter().find(|(key, _)| *key == REFRESH_TOKEN).unwrap().1);
            }
            tokio::task::yield_now().await;
            Ok(())
        }
        .boxed()
    }
}

fn transport() -> Transport {
    let account = serde_json::json!({"brightpearl": {"datacenter": "euw1", "account": "acme", "credentials":
        {"staffToken": {"appRef": "app", "tokenSecretRef": {"name": "s", "key": "k"}}}}});
    let account: Vendor = serde_json::from_value(account).unwrap();
    let budget = Arc::new(Budget::of(&account, None));
    let (vendor, access) = (VendorName::Brightpearl, Access::ReadOnly);
    Transport::new(&Http::default(), vendor, access, Redactor::default(), budget, Arc::new(|_| {}))
}

async fn begin(refusals: u32) -> (Arc<World>, OauthRefresh) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let world = Arc::new(World { refusals: StdMutex::new(refusals), ..World::default() });
    let vendor = Arc::clone(&world);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            vendor.answer(stream).await;
        }
    });
    let allowed: AllowedEndpoints = url.parse().unwrap();
    let app = OauthApp {
        endpoint: allowed.of_account(VendorName::Brightpearl, "default").check(&url).unwrap(),
        app_ref: "app".into(),
        dev_ref: "dev".into(),
        client_secret: None,
        store: Arc::clone(&world) as Arc<dyn TokenStore>,
        secret: "login".into(),
    };
    (world, OauthRefresh::new(app, "r0".into()))
}

/// Polls a future at most `times` times and drops it; none if it was not ready.
async fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), times);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Returns the number of the access token, which has to be that of the refresh token in the Secret.
fn number(token: &Token, world: &World) -> u32 {
    let number = token.value().expose_secret()[1..].parse().unwrap();
    assert_eq!((world.exchanged(), world.stored()), (number, number), "a token that is used is stored");
    number
}

#[tokio::test]
async fn a_pair_survives_a_dropped_caller() {
    let transport = transport();
    for cut in 0.. {
        let (world, refresh) = begin(0).await;
        let whole = polled(cut, refresh.fetch(&transport)).await;
        let was_cut = whole.is_none();
        let token = match whole {
            Some(token) => token.unwrap(),
            None => refresh.fetch(&transport).await.unwrap_or_else(|error| panic!("cut at {cut}: {error}")),
        };
        assert_eq!(number(&token, &world), 1, "cut at {cut}: one exchange is enough");
        assert_eq!(number(&refresh.fetch(&transport).await.unwrap(), &world), 2, "the next one is valid");
        if !was_cut {
            assert!(cut > 1, "it was cut somewhere");
            break;
        }
    }
}

#[tokio::test]
async fn an_unpersisted_pair_survives_a_dropped_caller() {
    let transport = transport();
    for cut in 0..12 {
        let (world, refresh) = begin(2).await;
        assert!(!matches!(polled(cut, refresh.fetch(&transport)).await, Some(Ok(_))));
        // The client is to be replaced.
        polled(cut, refresh.flush_tokens()).await;
        let mut tries = 0;
        let token = loop {
            match refresh.fetch(&transport).await {
                Ok(token) => break token,
                Err(error) => assert!(error.message.contains("the API server is away"), "{error}"),
            }
            tries += 1;
            assert!(tries < 3);
        };
        assert_eq!(number(&token, &world), 1, "cut at {cut}");
    }
}
