//! A server with a certificate, in front of one without; and who vouches for it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Who signs certificates.
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// A new one, with its files in a folder of its own.
    pub fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let new = Self { folder: folder.to_owned() };
        // Named after its folder: one that is not meant has another name.
        let name = folder.file_name().unwrap().to_str().unwrap();
        new.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout ca.key -out ca.pem"
        ));
        new
    }

    /// The file that those name who trust it.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Starts a server in front of `plain`, `http://HOST:PORT`, with a certificate for `name`, as `IP:127.0.0.1`; and its address. It goes on
    /// to the end of the test program.
    pub fn serve(&self, plain: &str, name: &str) -> String {
        let plain = plain.strip_prefix("http://").unwrap().to_owned();
        std::fs::write(
            self.folder.join("names"),
            format!("subjectAltName={name}\nbasicConstraints=CA:FALSE\n"),
        )
        .unwrap();
        self.openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout server.key -out server.csr");
        self.openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem");
        let chain = CertificateDer::pem_file_iter(self.folder.join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.folder.join("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, plain) = (Arc::clone(&config), plain.clone());
                // Whoever does not trust us hangs up.
                thread::spawn(move || forward(config, stream?, &plain));
            }
        });
        url
    }

    fn openssl(&self, words: &str) {
        let made = Command::new("openssl")
            .args(words.split(' '))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{words}\n{}", String::from_utf8_lossy(&made.stderr));
    }
}

/// One request without a body, and its answer.
fn forward(config: Arc<ServerConfig>, client: TcpStream, plain: &str) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut client = StreamOwned::new(connection, client);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut server = TcpStream::connect(plain)?;
    server.write_all(&head)?;
    std::io::copy(&mut server, &mut client)?;
    client.conn.send_close_notify();
    client.flush()
}
