"""Keys and certificates: the lab's, and a stranger's."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from lab import Lab


@dataclass(frozen=True)
class Credential:
    """A private key with the certificate of its public half, both as PEM."""

    key: str
    certificate: str

    @classmethod
    def read(cls, key_pem: str, cert_pem: str) -> Credential:
        return cls(Path(key_pem).read_text(), Path(cert_pem).read_text())

    @classmethod
    def of_application(cls, lab: Lab) -> Credential:
        return cls.read(lab.key_pem, lab.cert_pem)

    @classmethod
    def of_a_stranger(cls) -> Credential:
        """Makes one that nobody knows."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        key_pem = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(key_pem.decode(), certificate.public_bytes(pem).decode())

    @property
    def pem(self) -> str:
        """Both in one file, as some libraries want them."""
        return self.key + self.certificate

    def der(self) -> bytes:
        """The certificate as directories keep it."""
        certificate = x509.load_pem_x509_certificate(self.certificate.encode())
        return certificate.public_bytes(serialization.Encoding.DER)

    def thumbprint(self) -> bytes:
        """The SHA-1 digest by which the older protocols name a certificate."""
        certificate = x509.load_pem_x509_certificate(self.certificate.encode())
        return certificate.fingerprint(hashes.SHA1())
