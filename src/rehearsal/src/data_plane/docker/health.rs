//! The load balancer's health check, as a real HTTP request.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;

/// How long the load balancer waits for an answer (Elastic Load Balancing, health check defaults for
/// HTTP targets).
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The most of an answer's body that is read before the connection is closed.
const LARGEST_BODY: usize = 256 * 1024;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// An HTTP status.
    Status(u16),
    /// No answer, in a few words.
    Nothing(String),
}

/// Asks once. `host` becomes the Host header.
pub(super) async fn ask(address: SocketAddr, host: &str, path: &str) -> Answer {
    match tokio::time::timeout(ANSWER_WITHIN, request(address, host, path)).await {
        Ok(Ok(status)) => Answer::Status(status),
        Ok(Err(cause)) => Answer::Nothing(cause),
        Err(_) => Answer::Nothing("Request timed out".to_owned()),
    }
}

async fn request(address: SocketAddr, host: &str, path: &str) -> Result<u16, String> {
    let stream = tokio::net::TcpStream::connect(address)
        .await
        .map_err(|error| format!("Connection failed: {}", error.kind()))?;
    // The engine's port forwarder accepts before the container does, and drops the connection then.
    let broken = |error: hyper::Error| {
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            "Connection closed without an answer".to_owned()
        } else {
            format!("Connection failed: {error}")
        }
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let connection = tokio::spawn(connection);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let request = http::Request::get(path)
        .header(http::header::HOST, host)
        .header(http::header::USER_AGENT, "ELB-HealthChecker/2.0")
        .header(http::header::ACCEPT_ENCODING, "gzip, compressed")
        .header(http::header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("The health check path is not valid: {error}"))?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    // The server may log a client that leaves too early.
    let _ = http_body_util::Limited::new(response.into_body(), LARGEST_BODY)
        .collect()
        .await;
    connection.abort();
    Ok(status)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn serve(answer: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (address, task)
    }

    #[tokio::test]
    async fn the_status_and_the_host_header() {
        let (address, request) = serve("HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno").await;
        assert_eq!(
            ask(address, "172.31.0.9", "/ht/").await,
            Answer::Status(503)
        );
        let request = request.await.unwrap();
        assert!(request.starts_with("GET /ht/ HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("host: 172.31.0.9\r\n"), "{request}");
    }

    #[tokio::test]
    async fn no_answer_has_a_cause() {
        let (address, _request) = serve("").await;
        let closed = Answer::Nothing("Connection closed without an answer".to_owned());
        assert_eq!(ask(address, "h", "/").await, closed);
        let Answer::Nothing(cause) = ask("127.0.0.1:9".parse().unwrap(), "h", "/").await else {
            panic!("somebody listens on port 9");
        };
        assert!(cause.contains("connection refused"), "{cause}");
    }
}
