import os
import socket
import time

import requests


def get(path):
    url = path if "://" in path else os.environ["CASE_API"] + path
    response = requests.get(url, timeout=1)
    return response


def body(path):
    response = get(path)
    response.raise_for_status()
    return response.json()


def test_value():
    assert body("/value")["state"] == "ACCEPTED"


def test_lag():
    assert body("/lag")["state"] == "ACCEPTED"


def test_more():
    assert body("/more") == ["a", "b"]


def test_fewer():
    assert body("/fewer") == ["a", "b"]


def test_server():
    assert get("/server").status_code == 200


def test_gateway():
    assert body("/gateway")["state"] == "ACCEPTED"


def test_conflict():
    response = get("/conflict")
    assert response.status_code == 200, response.text


def test_missing():
    assert get("/missing").status_code == 200


def test_denied():
    assert get("/denied").status_code == 200


def test_limited():
    assert body("/limited")["state"] == "ACCEPTED"


def test_reset():
    assert body("/reset")["state"] == "ACCEPTED"


def test_slow():
    assert body("/slow")["state"] == "ACCEPTED"


def test_crash():
    assert body("/crash")["state"] == "ACCEPTED"


def test_refused():
    get(os.environ["UNUSED_PORT"] + "/cases")


def test_name():
    get("http://case-api.internal:8080/cases")


def test_third():
    get("https://api.rates-of-exchange.com/v1/latest")


def test_null():
    assert body("/null")["owner"]["name"] == "ada"


def test_undefined():
    assert accepted_case() is not None


def test_unset():
    assert os.environ["CASE_API_TOKEN"]


def test_port():
    host, port = os.environ["TAKEN"].split(":")
    with socket.socket() as s:
        s.bind((host, int(port)))


def test_wait():
    deadline = time.time() + 1
    while time.time() < deadline:
        if body("/lag")["state"] == "ACCEPTED":
            return
        time.sleep(0.1)
    raise TimeoutError("timed out after 1 s waiting for the case to be accepted")
