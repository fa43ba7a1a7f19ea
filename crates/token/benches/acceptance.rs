//! How fast a token is validated, beside the signature check that it cannot do without:
//! `cargo bench -p actas-token`.
//!
//! Cold means that nothing is remembered of the token. The figure that counts is the ratio.

#![allow(dead_code, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/it/vector.rs"]
mod vector;

use std::hint::black_box;
use std::time::{Duration, Instant};

use actas_token::accept::accept;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use x509_parser::prelude::{FromDer, X509Certificate};

const ROUND: Duration = Duration::from_millis(400);
const ROUNDS: usize = 7;

fn main() {
    let token = vector::act_as();
    let (resource, trust, limits, now) = (vector::resource(), vector::trust(), vector::generous(), vector::now());
    let mut whole = || {
        black_box(accept(black_box(&token), &resource, &trust, &limits, now)).unwrap();
    };

    let der = STANDARD.decode(vector::CERTIFICATE).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let spki = certificate.public_key().subject_public_key.data.to_vec();
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).unwrap();
    let (input, signature) = vector::ACTOR.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut bare = || key.verify_sig(black_box(input.as_bytes()), &signature).unwrap();

    // In turns, so that whatever else the machine does slows both alike.
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (per_second(&mut bare), per_second(&mut whole))).collect();
    rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (bare, whole) = rounds[ROUNDS / 2];
    println!("RSA-2048 signature check alone        {bare:>9.0} a second");
    println!("act-as token, every rule, cold        {whole:>9.0} a second   ratio {:.2}, target 0.90", whole / bare);
}

fn per_second(work: &mut impl FnMut()) -> f64 {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for _ in 0..50 {
            work();
        }
        count += 50;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
