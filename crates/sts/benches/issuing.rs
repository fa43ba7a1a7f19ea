//! How many tokens a second are issued, beside the cryptography that each needs:
//! `cargo bench -p actas-sts`.
//!
//! A token costs one check of an RSA-2048 signature and one signature, and an audit record
//! on disk. Requests come over no network, so that what is measured is the token service;
//! the figure that counts is the ratio, on all cores at once.

#![allow(dead_code, unreachable_pub, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/it/cloud.rs"]
mod cloud;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actas_sts::{Policy, Rate, Rates};
use actas_token::jws::Algorithm;
use actas_token::{Principal, VerifyingKey, issue, well_known};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use http::StatusCode;
use jiff::SignedDuration;

use cloud::{Cloud, signing};

const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
/// Requests that are under way at once, for each core.
const REQUESTS: usize = 32;

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build().unwrap();
    let cloud = Arc::new(runtime.block_on(Cloud::with(Policy { rates: unlimited(), ..Policy::default() })));

    let mut rounds: Vec<(f64, f64)> =
        (0..ROUNDS).map(|_| (cryptography(&cloud, cores), runtime.block_on(service(&cloud, cores)))).collect();
    rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (bare, whole) = rounds[ROUNDS / 2];
    println!("RSA-2048 check and signature alone    {bare:>9.0} a second on {cores} cores");
    println!("S2S tokens issued, audit on disk      {whole:>9.0} a second   ratio {:.2}, target 0.85", whole / bare);
}

fn unlimited() -> Rates {
    let none = Rate { per_second: 0, burst: 0 };
    Rates {
        token_by_address: none,
        token_by_client: none,
        refusals_by_address: none,
        graph_by_address: none,
        device_codes_by_address: none,
    }
}

/// The library's own check and signature, on every core.
fn cryptography(cloud: &Cloud, cores: usize) -> f64 {
    let verifying = VerifyingKey::from_certificate(cloud.lync.certificate().der()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(cloud.lync.key().pkcs8_der()).unwrap();
    let (input, count, start) = (vec![b'a'; 900], AtomicU32::new(0), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut signature = vec![0; pair.public_modulus_len()];
                let mut sign = || {
                    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &input, &mut signature).unwrap();
                    assert!(verifying.verifies(Algorithm::Rs256, &input, &signature));
                };
                while start.elapsed() < ROUND {
                    sign();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    f64::from(count.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64()
}

/// The token service, asked as fast as it answers.
async fn service(cloud: &Arc<Cloud>, cores: usize) -> f64 {
    let realm = cloud.tenant.to_string();
    let caller = Principal::in_realm(well_known::LYNC, realm.as_str());
    let audience = format!("{}/sts.cloud.example@{realm}", well_known::STS);
    let key = signing(&cloud.lync);
    let (count, start) = (Arc::new(AtomicU32::new(0)), Instant::now() + Duration::from_millis(200));
    let clients: Vec<_> = (0..cores * REQUESTS)
        .map(|_| {
            let assertion =
                issue::assertion(&key, &caller, &audience, SignedDuration::from_mins(5), cloud.now()).unwrap();
            let (cloud, count, realm) = (Arc::clone(cloud), Arc::clone(&count), realm.clone());
            tokio::spawn(async move {
                let (path, resource) = (
                    format!("/{realm}/tokens/OAuth/2"),
                    format!("{}/mail.cloud.example@{realm}", well_known::EXCHANGE),
                );
                let grant = "http://oauth.net/grant_type/jwt/1.0/bearer";
                let form = [("grant_type", grant), ("assertion", assertion.as_str()), ("resource", resource.as_str())];
                tokio::time::sleep_until(start.into()).await;
                while start.elapsed() < ROUND {
                    let answer = cloud.post(&path, &form).await;
                    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    f64::from(count.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64()
}
