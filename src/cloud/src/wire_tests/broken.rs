//! Connections that break: a server that closes at every point of an exchange.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use beanpole_model::{ApplicationName, EnvironmentName, ExitCode, Problem as _, VersionLabel};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{ATTEMPTS, settings};
use crate::connection::Connection;
use crate::{Beanstalk, Error, Kind, UpdateEnvironment};

const NO_APPLICATIONS: &str = "<DescribeApplicationsResponse><DescribeApplicationsResult>\
    <Applications/></DescribeApplicationsResult></DescribeApplicationsResponse>";

/// What the server does with one connection.
#[derive(Clone, Debug)]
enum Play {
    /// Closes before anything was read.
    CloseAtOnce,
    /// Reads a part of the request and closes.
    CloseInRequest,
    /// Reads the whole request and closes.
    CloseAfterRequest,
    /// Reads the whole request and resets the connection.
    ResetAfterRequest,
    /// Reads the request, writes this, and closes.
    Write(String),
    /// The same, and resets.
    WriteAndReset(String),
}

/// Every point at which a connection can end before the answer is whole.
fn points() -> Vec<Play> {
    let body = NO_APPLICATIONS;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let half = body.split_at(body.len() / 2).0;
    let chunked = "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut points = vec![
        Play::CloseAtOnce,
        Play::CloseInRequest,
        Play::CloseAfterRequest,
        Play::ResetAfterRequest,
    ];
    let starts = [
        "HTTP".to_owned(),
        "HTTP/1.1 200".to_owned(),
        "HTTP/1.1 200 OK\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-type: te".to_owned(),
        head.clone(),
        format!("{head}{half}"),
        chunked.to_owned(),
        format!("{chunked}{:x}\r\n{half}\r\n", half.len()),
        format!("{chunked}{:x}\r\n{half}", body.len()),
    ];
    for start in starts {
        points.push(Play::Write(start.clone()));
        points.push(Play::WriteAndReset(start));
    }
    points
}

fn answer(status: u16, body: &str) -> Play {
    Play::Write(format!(
        "HTTP/1.1 {status} X\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    ))
}

fn refusal(code: &str) -> Play {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>No.</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    answer(400, &body)
}

/// Plays one after the other, a connection each; the last one for ever.
async fn serve(plays: Vec<Play>) -> (Connection, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut plays = VecDeque::from(plays);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let play = if plays.len() > 1 {
                plays.pop_front()
            } else {
                plays.front().cloned()
            };
            let request = perform(stream, play.unwrap()).await;
            told.lock().unwrap().push(request);
        }
    });
    let connection = Connection::open(&settings(&endpoint)).await.unwrap();
    (connection, heard)
}

async fn perform(mut stream: TcpStream, play: Play) -> String {
    match play {
        Play::CloseAtOnce => String::new(),
        Play::CloseInRequest => {
            let mut start = [0; 16];
            let _ = stream.read(&mut start).await;
            String::new()
        }
        Play::CloseAfterRequest => read_request(&mut stream).await,
        Play::ResetAfterRequest => {
            let request = read_request(&mut stream).await;
            stream.set_zero_linger().unwrap();
            request
        }
        Play::Write(text) => {
            let request = read_request(&mut stream).await;
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
            request
        }
        Play::WriteAndReset(text) => {
            let request = read_request(&mut stream).await;
            let _ = stream.write_all(text.as_bytes()).await;
            // What was written must arrive before the reset overtakes it.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            stream.set_zero_linger().unwrap();
            request
        }
    }
}

/// The body of a request, read to its last byte, so that closing sends no reset.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return body.to_owned();
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => bytes.extend_from_slice(&part[..read]),
        }
    }
}

async fn ask(connection: &Connection) -> Result<(), Error> {
    let name = ApplicationName::new("blog").unwrap();
    let found = Beanstalk::new(connection).application(&name).await?;
    assert!(found.is_none());
    Ok(())
}

#[tokio::test]
async fn a_connection_that_ends_anywhere_is_tried_again() {
    for point in points() {
        let (connection, _) = serve(vec![point.clone(), answer(200, NO_APPLICATIONS)]).await;
        let result = ask(&connection).await;
        assert!(result.is_ok(), "{point:?}: {result:?}");
        // The HTTP client itself repeats a request of which it knows that nothing was sent.
        assert!(connection.requests() <= 2, "{point:?}");
    }
}

#[tokio::test]
async fn a_connection_that_always_ends_is_the_networks_fault() {
    for point in points() {
        let (connection, _) = serve(vec![point.clone()]).await;
        let error = ask(&connection).await.unwrap_err();
        assert_eq!(error.kind, Kind::Network, "{point:?}: {error:?}");
        assert_eq!(error.exit_code(), ExitCode::Outside);
        assert_eq!(connection.requests(), u64::from(ATTEMPTS), "{point:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_not_tried_again() {
    let (connection, _) = serve(vec![Play::Write("SSH-2.0-OpenSSH_9.6\r\n".to_owned())]).await;
    assert!(ask(&connection).await.is_err());
    assert_eq!(connection.requests(), 1);
}

fn names() -> (ApplicationName, EnvironmentName, EnvironmentName) {
    let name = |text| EnvironmentName::new(text).unwrap();
    let application = ApplicationName::new("blog").unwrap();
    (application, name("blog-blue"), name("blog-green"))
}

#[tokio::test]
async fn a_swap_that_may_have_happened_is_not_repeated() {
    let after_the_request = points().into_iter().skip(2);
    for point in after_the_request.chain([answer(500, "")]) {
        let (connection, heard) = serve(vec![point.clone()]).await;
        let (application, source, destination) = names();
        let error = Beanstalk::new(&connection)
            .swap_cnames(&application, &source, &destination)
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind, Kind::Network | Kind::Service),
            "{point:?}: {error:?}"
        );
        assert_eq!(heard.lock().unwrap().len(), 1, "{point:?}");
    }
}

#[tokio::test]
async fn a_swap_that_was_throttled_is_repeated() {
    let good = "<SwapEnvironmentCNAMEsResponse><ResponseMetadata><RequestId>2</RequestId>\
        </ResponseMetadata></SwapEnvironmentCNAMEsResponse>";
    let (connection, heard) = serve(vec![refusal("Throttling"), answer(200, good)]).await;
    let (application, source, destination) = names();
    Beanstalk::new(&connection)
        .swap_cnames(&application, &source, &destination)
        .await
        .unwrap();
    assert_eq!(heard.lock().unwrap().len(), 2);
}

/// The answer breaks off after the change was made; the repeat is refused, because the environment is
/// under change: by us.
#[tokio::test]
async fn a_change_whose_answer_broke_off_is_recognised() {
    let updating = "<DescribeEnvironmentsResponse><DescribeEnvironmentsResult><Environments><member>\
        <EnvironmentName>blog-blue</EnvironmentName><ApplicationName>blog</ApplicationName>\
        <Status>Updating</Status></member></Environments></DescribeEnvironmentsResult>\
        </DescribeEnvironmentsResponse>";
    for point in points().into_iter().skip(2) {
        let plays = vec![
            point.clone(),
            refusal("InvalidParameterValue"),
            answer(200, updating),
        ];
        let (connection, heard) = serve(plays).await;
        let change = UpdateEnvironment::deploy(
            ApplicationName::new("blog").unwrap(),
            names().1,
            VersionLabel::new("v2").unwrap(),
        );
        let started = Beanstalk::new(&connection)
            .update_environment(&change)
            .await;
        assert!(started.is_ok(), "{point:?}: {started:?}");
        assert_eq!(heard.lock().unwrap().len(), 3, "{point:?}");
    }
}
