use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn get(base: &str, path: &str) -> (u16, String) {
    let address = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).expect("no answer: connection closed before the status").parse().unwrap();
    (status, text.split("\r\n\r\n").nth(1).unwrap_or("").to_string())
}

fn state(path: &str) {
    let (status, body) = get(&env::var("CASE_API").unwrap(), path);
    assert_eq!(status, 200, "{path}: {body}");
    let got = body.split('"').nth(3).unwrap().to_string();
    assert_eq!(got, "ACCEPTED");
}

#[test]
fn value() { state("/value") }
#[test]
fn lag() { state("/lag") }
#[test]
fn server() { state("/server") }
#[test]
fn gateway() { state("/gateway") }
#[test]
fn conflict() { state("/conflict") }
#[test]
fn missing() { state("/missing") }
#[test]
fn denied() { state("/denied") }
#[test]
fn limited() { state("/limited") }
#[test]
fn reset() { state("/reset") }
#[test]
fn slow() { state("/slow") }
#[test]
fn crash() { state("/crash") }
#[test]
fn refused() { get(&env::var("UNUSED_PORT").unwrap(), "/cases"); }
#[test]
fn name() { get("http://case-api.internal:8080", "/cases"); }
#[test]
fn unset() { env::var("CASE_API_TOKEN").expect("CASE_API_TOKEN is not set"); }
#[test]
fn port() { TcpListener::bind(env::var("TAKEN").unwrap()).unwrap(); }
