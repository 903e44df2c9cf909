use super::*;
use crate::engine::pass::retry_status::{retry_status_writes, schedule_status_retry};
use crate::engine::testing::{Scene, Server};
use std::sync::atomic::Ordering::Relaxed;

impl Scene {
    async fn report(&mut self) {
        let error =
            AccountError { reason: "Credentials", message: "the login was refused".into(), stalled: true };
        let read = self.read_webhooks();
        let pass = Pass::new(&self.context, &self.state, &self.account, &read);
        let uids = self.state.uids.clone();
        report_failure(&pass, &mut self.state, &uids, &error).await;
    }

    async fn retry(&mut self) {
        let read = self.read_webhooks();
        let mut pass = Pass::new(&self.context, &self.state, &self.account, &read);
        retry_status_writes(&mut pass, &mut self.state).await;
    }

    /// Retries until nothing is left to report; returns how many attempts that took.
    async fn report_the_rest(&mut self, most: usize) -> usize {
        for attempts in 0..most {
            let Some(wait) = schedule_status_retry(&mut self.state) else { return attempts };
            clock::test::stop_at(clock::test::passed() + wait);
            self.retry().await;
        }
        most
    }
}

#[tokio::test]
async fn ten_thousand_are_reported_to_several_at_once_and_a_second_at_a_time() {
    let mut scene = Scene::new(10_000, Server::default());
    scene.report().await;
    let in_a_second = MAX_IN_FLIGHT * 50;
    assert!((in_a_second..=in_a_second + MAX_IN_FLIGHT).contains(&scene.writes()), "{}", scene.writes());
    assert_eq!(scene.context.writer.most_in_flight.load(Relaxed), MAX_IN_FLIGHT);
    let rest = schedule_status_retry(&mut scene.state);
    assert_eq!(rest, Some(Duration::ZERO), "the rest has its turn when nothing else is to be done");
    scene.report_the_rest(100).await;
    assert_eq!((scene.writes(), scene.context.writer.events.load(Relaxed)), (10_000, 10_000));
    scene.report().await;
    assert_eq!(scene.writes(), 10_000, "what is reported is not reported again");
}

#[tokio::test]
async fn a_server_that_is_away_is_not_asked_once_for_each() {
    let mut scene = Scene::new(1000, Server { away: true.into(), ..Server::default() });
    scene.report().await;
    assert!(scene.writes() <= MAX_IN_FLIGHT, "{}", scene.writes());
    let before = scene.writes();
    let wait = schedule_status_retry(&mut scene.state).unwrap();
    assert!(wait >= Duration::from_millis(750), "{wait:?}");
    clock::test::stop_at(clock::test::passed() + wait);
    scene.retry().await;
    assert!(scene.writes() <= before + MAX_IN_FLIGHT, "{}", scene.writes());
    scene.context.writer.away.store(false, Relaxed);
    scene.report_the_rest(100).await;
    assert!(scene.state.webhooks.values().all(|webhook| webhook.status.is_unchanged()));
}

#[tokio::test]
async fn nothing_begins_when_the_process_is_to_end() {
    let mut scene = Scene::new(100, Server::default());
    scene.context.stopping.store(true, Relaxed);
    scene.report().await;
    assert_eq!(scene.writes(), 0);
}

#[tokio::test]
async fn one_that_is_refused_is_retried_alone_and_rarely() {
    let mut scene = Scene::new(100, Server { frozen: Some(7), ..Server::default() });
    scene.report().await;
    assert_eq!(scene.writes(), 100);
    assert_eq!(scene.report_the_rest(5).await, 5);
    assert_eq!(scene.writes(), 105, "one attempt each time");
    let wait = schedule_status_retry(&mut scene.state).unwrap();
    assert!(wait >= Duration::from_secs(20), "{wait:?}");
    // One of them is about the refusal.
    assert_eq!(scene.context.writer.events.load(Relaxed), 100);
}
