"""TLS for the mail door: the certificate that was set, or one of its own, made at first need and kept."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
from pathlib import Path

from inkdot.domain.errors import BadSetting

_YEARS = 10
_OWN = "relay-tls.pem"


def context(folder: Path, name: str, host: str, cert: str, key: str) -> ssl.SSLContext:
    """The server's TLS context. Raises BadSetting where the files that were set cannot be used."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert:
        try:
            made.load_cert_chain(cert, key or None)
        except OSError as error:  # ssl.SSLError is one
            raise BadSetting(f"relay_cert and relay_key cannot be used: {error.strerror or error}.") from error
    else:
        made.load_cert_chain(own_certificate(folder, name, host))
    return made


def own_certificate(folder: Path, name: str, host: str) -> Path:
    """A self-signed certificate with its key in one file; the same one for as long as the file is there."""
    path = folder / _OWN
    if not path.exists():
        half = path.with_suffix(f".{os.getpid()}")
        half.touch(mode=0o600)
        half.write_bytes(_made(name, host))
        half.rename(path)
    return path


def _made(name: str, host: str) -> bytes:
    # Imported here: it takes 0.1 s, and once in ten years is when it is needed.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    now = dt.datetime.now(dt.UTC)
    addresses = {"127.0.0.1", "::1", host} - {"0.0.0.0", "::"}  # noqa: S104 - left out, not bound
    names: list[x509.GeneralName] = [x509.DNSName(n) for n in dict.fromkeys([name, "localhost"])]
    for address in sorted(addresses):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        except ValueError:
            names.append(x509.DNSName(address))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)
