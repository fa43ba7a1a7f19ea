"""Certificates that other tools make and read: `cryptography`, and OpenSSL's own command."""

from __future__ import annotations

import base64
import datetime
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from lab import binary

COMMAND_SECONDS = 60
PASSWORD = "Pässwörd €"
DAY = datetime.timedelta(days=1)


class Installation:
    """A data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ
        }
        if password is not None:
            environment["ACTAS_CERTIFICATE_PASSWORD"] = password
        return subprocess.run(
            [str(binary()), "--data", str(self.folder / "data"), *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=environment,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def objects(self, *words: str, password: str | None = None) -> list[dict[str, Any]]:
        finished = self.run(*words, "-Output", "json", password=password)
        assert finished.returncode == 0, finished.stderr
        objects: list[dict[str, Any]] = json.loads(finished.stdout)
        return objects


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def issue(
    subject: x509.Name, public: rsa.RSAPublicKey, issuer: str, key: rsa.RSAPrivateKey
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 365 * DAY)
    )
    return builder.sign(key, hashes.SHA256())


def thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA1()).hex().upper()


@pytest.fixture(scope="module")
def authority() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encryption(kind: str) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder()
    secret = PASSWORD.encode()
    if kind == "3DES-SHA1":
        return (
            builder.kdf_rounds(2000)
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())
            .build(secret)
        )
    if kind == "AES256-SHA256":
        return (
            builder.kdf_rounds(2000)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .hmac_hash(hashes.SHA256())
            .build(secret)
        )
    return BestAvailableEncryption(secret)


@pytest.mark.parametrize("kind", ["3DES-SHA1", "AES256-SHA256", "best available"])
def test_a_pkcs12_file_of_cryptography_comes_in(
    installation: Installation,
    tmp_path: Path,
    authority: rsa.RSAPrivateKey,
    key: rsa.RSAPrivateKey,
    kind: str,
) -> None:
    leaf = issue(name("contoso.example"), key.public_key(), "CA", authority)
    root = issue(name("CA"), authority.public_key(), "CA", authority)
    file = tmp_path / "oauth.pfx"
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(b"oauth", key, leaf, [root], encryption(kind))
    )
    words = ["Import-CsCertificate", "Global", "-Type", "OAuthTokenIssuer", "-Path", str(file)]
    assert installation.objects(*words, password=PASSWORD)[0]["Thumbprint"] == thumbprint(leaf)
    refused = Installation(tmp_path / "other").run(*words, password="wrong")
    assert refused.returncode == 1
    assert "the password is not that of the file" in refused.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL's command is not here")
@pytest.mark.parametrize(
    "more",
    [
        [],
        ["-legacy"],
        ["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
        ["-keypbe", "AES-128-CBC", "-certpbe", "NONE", "-macalg", "sha512", "-LMK", "-keysig"],
    ],
    ids=["default", "legacy", "3DES", "plain certificate"],
)
def test_a_pkcs12_file_of_openssl_comes_in(
    installation: Installation,
    tmp_path: Path,
    authority: rsa.RSAPrivateKey,
    key: rsa.RSAPrivateKey,
    more: list[str],
) -> None:
    leaf = issue(name("contoso.example"), key.public_key(), "CA", authority)
    pem, file = tmp_path / "oauth.pem", tmp_path / "oauth.pfx"
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(text + leaf.public_bytes(Encoding.PEM))
    command = ["openssl", "pkcs12", "-export", "-in", str(pem), "-out", str(file), *more]
    made = subprocess.run(
        [*command, "-passout", "env:SECRET"],
        env={**os.environ, "SECRET": "secret"},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if made.returncode != 0 and "legacy" in made.stderr.lower():
        pytest.skip("this OpenSSL has no legacy algorithms")
    assert made.returncode == 0, made.stderr
    words = ["Set-CsCertificate", "-Path", str(file)]
    assert installation.run(*words, password="secret").returncode == 0
    assert installation.objects("Get-CsCertificate")[0]["Thumbprint"] == thumbprint(leaf)


def test_a_request_is_signed_by_somebody_else_and_comes_back(
    installation: Installation, tmp_path: Path, authority: rsa.RSAPrivateKey
) -> None:
    file = tmp_path / "oauth.csr"
    words = [
        "-DomainName",
        "contoso.example,fabrikam.example",
        "-Organization",
        "Contoso, Ltd.",
    ]
    installation.objects(
        *["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", *words],
        *["-Country", "IE", "-OutputFile", str(file)],
    )
    request = x509.load_pem_x509_csr(file.read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=contoso.example,O=Contoso\\, Ltd.,C=IE"
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["contoso.example", "fabrikam.example"]

    public = request.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    answer = issue(request.subject, public, "CA", authority)
    signed = tmp_path / "oauth.cer"
    signed.write_bytes(answer.public_bytes(Encoding.DER))
    imported = installation.objects(
        "Import-CsCertificate", "-Identity", "Global", "-Path", str(signed)
    )
    assert imported[0]["Thumbprint"] == thumbprint(answer)
    assert installation.objects("Request-CsCertificate", "-List") == []


def test_what_is_exported_is_what_others_read(
    installation: Installation, tmp_path: Path
) -> None:
    made = installation.objects(
        *["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer"],
        *["-DomainName", "contoso.example"],
    )[0]
    installation.run("Set-CsCertificate", "-Thumbprint", made["Thumbprint"])
    for encoding, load in [
        ("Base64", x509.load_pem_x509_certificate),
        ("Der", x509.load_der_x509_certificate),
    ]:
        file = tmp_path / f"oauth-{encoding}.cer"
        exported = installation.objects(
            *["Export-CsCertificate", "-Type", "OAuthTokenIssuer", "-Path", str(file)],
            *["-Encoding", encoding],
        )[0]
        certificate = load(file.read_bytes())
        assert thumbprint(certificate) == made["Thumbprint"] == exported["Thumbprint"]
        sha1 = certificate.fingerprint(hashes.SHA1())
        assert exported["X5t"] == base64.urlsafe_b64encode(sha1).decode().rstrip("=")
