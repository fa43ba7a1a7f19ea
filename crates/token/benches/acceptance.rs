//! How fast a token is validated, beside what it cannot do without:
//! `cargo bench -p actas-token`.
//!
//! Cold means that nothing is remembered of the token, and its limit is the signature
//! check alone. Warm means that its actor was seen before, and its limit is a hash of the
//! actor token and a look-up. The figures that count are the ratios.

#![allow(dead_code, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/it/vector.rs"]
mod vector;

use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

use actas_token::{Judge, Memory, Possession};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Short rounds, and many: on a machine that others use as well, most are left alone.
const ROUND: Duration = Duration::from_millis(1);
const ROUNDS: usize = 1000;

fn main() {
    let token = vector::act_as();
    let (resource, trust, limits, now) = (vector::resource(), vector::trust(), vector::generous(), vector::now());
    let judge = Judge::new(&resource, &trust, &limits);
    let verdict = |judge: &Judge<'_>| black_box(judge.accept(black_box(&token), Possession::default(), now)).unwrap();
    let mut cold = || drop(verdict(&judge));
    let (filled, emptied) = (Memory::new(4096), Memory::new(4096));
    let mut warm = || drop(verdict(&judge.with_memory(&filled)));
    let mut filling = || {
        emptied.clear();
        drop(verdict(&judge.with_memory(&emptied)));
    };

    let der = STANDARD.decode(vector::CERTIFICATE).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let spki = certificate.public_key().subject_public_key.data.to_vec();
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).unwrap();
    let (input, signature) = vector::ACTOR.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut bare = || key.verify_sig(black_box(input.as_bytes()), &signature).unwrap();

    let known = HashSet::from([hash(vector::ACTOR)]);
    let mut look_up = || assert!(known.contains(black_box(&hash(black_box(vector::ACTOR)))));

    // In turns, so that clock and neighbours are the same for all of a round. Ratios are taken
    // within it, and the middle one counts.
    let rounds: Vec<[f64; 5]> = (0..ROUNDS)
        .map(|_| {
            [
                per_second(&mut bare),
                per_second(&mut cold),
                per_second(&mut filling),
                per_second(&mut look_up),
                per_second(&mut warm),
            ]
        })
        .collect();
    let middle = |of: fn(&[f64; 5]) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!("RSA-2048 signature check alone              {:>9.0} a second", middle(|round| round[0]));
    println!(
        "act-as token, every rule, cold              {:>9.0} a second   {:.2} of it, target 0.90",
        middle(|round| round[1]),
        middle(|round| round[1] / round[0])
    );
    println!(
        "the same, and remembering the actor         {:>9.0} a second   {:.2} of it",
        middle(|round| round[2]),
        middle(|round| round[2] / round[0])
    );
    println!("SHA-256 of the actor token and a look-up    {:>9.0} a second", middle(|round| round[3]));
    println!(
        "act-as token, every rule, actor seen before {:>9.0} a second   {:.1} times cold, target 20; {:.2} of a hash and a look-up",
        middle(|round| round[4]),
        middle(|round| round[4] / round[1]),
        middle(|round| round[4] / round[3])
    );
}

fn hash(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

fn per_second(work: &mut impl FnMut()) -> f64 {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for _ in 0..10 {
            work();
        }
        count += 10;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
