//! Certificates of clients: asked for, never demanded, and handed on to whoever can say
//! whose they are.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::server::TlsStream;
use tower::Layer as _;

/// The DER of the certificate that a client showed, whose key it holds. Nothing else is
/// known of it: neither who signed it nor whether its dates are right.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientCertificate(pub Option<Arc<[u8]>>);

/// Adds the client's certificate to the extensions of every request of a connection.
#[derive(Clone, Debug)]
pub(super) struct CertificateAcceptor<A> {
    inner: A,
}

impl<A> CertificateAcceptor<A> {
    pub(super) fn new(inner: A) -> Self {
        Self { inner }
    }
}

impl<A, I, S, T> Accept<I, S> for CertificateAcceptor<A>
where
    A: Accept<I, S, Stream = TlsStream<T>>,
    A::Future: Send + 'static,
    A::Service: Send,
    T: Send,
{
    type Stream = TlsStream<T>;
    type Service = AddExtension<A::Service, ClientCertificate>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepting = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let shown = ClientCertificate(shown.map(|leaf| Arc::from(leaf.as_ref())));
            Ok((stream, Extension(shown).layer(service)))
        })
    }
}

/// Takes any certificate as the name of a key, and checks that the client holds that key.
/// Whose key it is, is not for TLS to say: it is registered somewhere, or it is nobody's.
#[derive(Debug)]
pub(super) struct AnyClient {
    provider: Arc<CryptoProvider>,
}

impl AnyClient {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
