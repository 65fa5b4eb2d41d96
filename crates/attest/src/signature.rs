//! Ed25519 keys and detached signatures (RFC 8032), with keys in the text form that a person can compare.
//!
//! A public key is one line `firn-key-1:` with the 32 bytes in hexadecimal; a private key is PKCS#8 version 2 (RFC 8410) as PEM text, so
//! that `openssl pkey` reads it.
