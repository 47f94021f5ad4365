"""Enrolling at a running service: asked as often as it takes, and nobody else told the secret."""

from __future__ import annotations

import json
import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import httpx
import pytest
from ntag424_provisioning.enrolment import Enrolled, http_enroller
from ntag424_provisioning.errors import EnrolmentError, SetupError, StaleEpochError

from ntag424 import Generation, UrlTemplate
from tests.provisioning.enrolment.desk import FIRST, SECOND, TEMPLATE, Desk, new_uid


@pytest.fixture
def enroller(desk):
    with desk.enroller() as enroller:
        yield enroller


# ---- tags that could not log in --------------------------------------------------------------

OURS, THEIRS = UrlTemplate(TEMPLATE), UrlTemplate("https://elsewhere.example/{picc}{mac}")


def test_a_tag_of_the_services_template_is_enrolled(desk, enroller):
    uid = new_uid()
    assert enroller.enrol(uid, FIRST, 2, OURS)
    assert desk.known(uid) == (FIRST, 2)


@pytest.mark.parametrize(
    ("generation", "template"),
    [(FIRST, THEIRS), (Generation(9, 1), OURS), (Generation(9, 1), None)],
)
def test_a_tag_that_could_not_log_in_is_an_error_that_says_what_could(
    desk, enroller, generation, template
):
    uid = new_uid()
    with pytest.raises(EnrolmentError) as refused:
        enroller.enrol(uid, generation, 2, template)
    assert f"the service serves {TEMPLATE} with key version 1" in str(refused.value)
    assert "repair" in refused.value.hint
    assert desk.known(uid) is None


def test_a_service_of_the_release_before_is_told_without_the_template(desk):
    malformed = problem(400, type="/problems/malformed_enrolment", title="not a tag to enrol")
    enrolled = (201, {}, b'{"key_version":1,"epoch":1,"counter":2}')
    with (
        stranger(KNOWN, malformed, enrolled) as (address, heard),
        http_enroller(address, desk.credential_file) as enroller,
    ):
        assert enroller.enrol(new_uid(), FIRST, 2, OURS)
    assert len(heard) == 3


# ---- what it is for -------------------------------------------------------------------------


def test_a_tag_enrolled_over_http_is_accepted_by_the_same_service(desk, enroller):
    uid = new_uid()
    assert desk.tap(uid, FIRST, read_counter=2) == "not_verified"
    enroller.enrol(uid, FIRST, 2)
    assert desk.tap(uid, FIRST, read_counter=2) == "accepted"


def test_taps_up_to_the_counter_are_used_up(desk, enroller):
    uid = new_uid()
    enroller.enrol(uid, FIRST, 2)
    assert desk.tap(uid, FIRST, read_counter=1) == "replayed"


def test_an_enrolled_tag_is_found(enroller):
    uid = new_uid()
    enroller.enrol(uid, SECOND, 5)
    assert enroller.find(uid) == Enrolled(SECOND, 5)


def test_an_unknown_tag_is_not_found(enroller):
    assert enroller.find(new_uid()) is None


def test_the_same_call_again_does_nothing(desk, enroller):
    uid = new_uid()
    for _ in range(2):
        enroller.enrol(uid, FIRST, 2)
    assert desk.known(uid) == (FIRST, 2)


@pytest.mark.parametrize(("generation", "counter"), [(FIRST, 9), (SECOND, 3)])
def test_a_ledger_that_knows_better_is_stale_news(enroller, generation, counter):
    uid = new_uid()
    enroller.enrol(uid, SECOND, 2)
    with pytest.raises(StaleEpochError, match="epoch 2, counter 2") as stale:
        enroller.enrol(uid, generation, counter)
    assert stale.value.known == SECOND


@pytest.mark.parametrize("known", [None, FIRST, SECOND], ids=["unknown", "behind", "known"])
def test_a_retired_tag_is_refused_and_no_old_list_brings_it_back(desk, enroller, known):
    uid = new_uid()
    if known is not None:
        enroller.enrol(uid, known, 2)
    for _ in range(2):
        assert enroller.retire(uid, SECOND)
    assert {desk.tap(uid, one, read_counter=9) for one in (FIRST, SECOND)} == {"not_verified"}
    with pytest.raises(StaleEpochError):
        enroller.enrol(uid, SECOND, 2)


def test_a_retired_tag_is_accepted_in_its_next_life(desk, enroller):
    uid = new_uid()
    enroller.enrol(uid, FIRST, 2)
    enroller.retire(uid, FIRST)
    enroller.enrol(uid, SECOND, 2)
    assert desk.tap(uid, SECOND, read_counter=2) == "accepted"


def test_the_next_epoch_is_enrolled_after_stale_news(desk, enroller):
    uid = new_uid()
    enroller.enrol(uid, SECOND, 2)
    with pytest.raises(StaleEpochError):
        enroller.enrol(uid, FIRST, 2)
    enroller.enrol(uid, Generation(1, 3), 4)
    assert desk.tap(uid, Generation(1, 3), read_counter=4) == "accepted"


def test_several_threads_enrol_at_once(desk, enroller):
    uids = [new_uid() for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda uid: enroller.enrol(uid, FIRST, 1), uids))
    assert {desk.known(uid) for uid in uids} == {(FIRST, 1)}


# ---- lost answers, and services that are down -----------------------------------------------


class Losing(BaseHTTPRequestHandler):
    """Passes requests on to a service, and loses its answers while it should."""

    service = ""
    losing = False

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {
            name: self.headers[name]
            for name in ("authorization", "content-type")
            if name in self.headers
        }
        answer = httpx.request(
            self.command, self.service + self.path, content=body, headers=headers
        )
        self.close_connection = True
        if not type(self).losing:
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

    def do_POST(self):
        self.do_GET()

    def log_message(self, *_):
        pass


@contextmanager
def serving(handler):
    """Serve with *handler* on a socket of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_answer_that_was_lost_is_asked_for_again(desk):
    class Way(Losing):
        service = desk.address

    def mend(_):
        Way.losing = False

    uid = new_uid()
    with (
        serving(Way) as address,
        http_enroller(address, desk.credential_file, sleep=mend) as enroller,
    ):
        Way.losing = True
        enroller.enrol(uid, FIRST, 2)
        assert not Way.losing
    assert desk.known(uid) == (FIRST, 2)


def test_answers_that_are_all_lost_are_given_up(desk):
    class Way(Losing):
        service = desk.address

    uid, pauses = new_uid(), []
    with (
        serving(Way) as address,
        http_enroller(address, desk.credential_file, sleep=pauses.append) as enroller,
    ):
        Way.losing = True
        with pytest.raises(EnrolmentError, match="cannot be reached") as given_up:
            enroller.enrol(uid, FIRST, 2)
    assert pauses == [0.25, 1.0]
    assert "repair" in given_up.value.hint
    assert desk.known(uid) == (FIRST, 2)  # what was lost was the answer


def test_a_service_that_was_stopped_is_named_with_what_to_do(tmp_path):
    with Desk.make(tmp_path / "own").opened() as desk:
        enroller = desk.enroller(sleep=lambda _: None)
    with enroller, pytest.raises(EnrolmentError, match=r"127\.0\.0\.1 cannot be reached") as down:
        enroller.enrol(new_uid(), FIRST, 2)
    assert "repair" in down.value.hint


def test_a_service_that_is_not_there_is_a_matter_of_set_up(desk):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SetupError, match="cannot be reached") as refused:
        http_enroller(f"http://127.0.0.1:{port}", desk.credential_file, sleep=lambda _: None)
    assert "repair" not in refused.value.hint


def test_a_store_that_comes_back_in_time_is_enough(own_desk):
    aside = own_desk.folder / "aside"
    uid = new_uid()
    with own_desk.enroller(sleep=lambda _: aside.rename(own_desk.store)) as enroller:
        own_desk.store.rename(aside)
        enroller.enrol(uid, FIRST, 2)
        assert enroller.find(uid) == Enrolled(FIRST, 2)


def test_a_store_that_stays_away_is_told_in_the_services_words(own_desk):
    with own_desk.enroller(sleep=lambda _: None) as enroller:
        own_desk.store.rename(own_desk.folder / "aside")
        with pytest.raises(EnrolmentError, match="503: The service cannot answer now"):
            enroller.enrol(new_uid(), FIRST, 2)


# ---- credentials ----------------------------------------------------------------------------


@pytest.fixture
def other_credential(tmp_path):
    return credential(tmp_path, "A" * 43)


def credential(folder, text, mode=0o600):
    path = folder / "other"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_wrong_credential_is_a_matter_of_set_up(desk, other_credential):
    with pytest.raises(SetupError, match="refuses the credential") as refused:
        http_enroller(desk.address, other_credential)
    assert "enrolment-credential" in refused.value.hint


def test_a_service_that_enrols_nobody_is_a_matter_of_set_up(desk):
    with (
        desk.opened(enrolment_credential_file=None) as other,
        pytest.raises(SetupError, match="does not enrol tags") as refused,
    ):
        other.enroller()
    assert "NTAG424_ENROLMENT_CREDENTIAL_FILE" in refused.value.hint


@pytest.mark.parametrize("text", ["", "short", "two words that are long enough", "\u00e9" * 40])
def test_a_file_without_a_credential_is_refused(desk, tmp_path, text):
    with pytest.raises(SetupError, match="holds no enrolment credential") as refused:
        http_enroller(desk.address, credential(tmp_path, text))
    assert not text or text not in str(refused.value)


def test_a_credential_that_others_may_read_is_refused(desk, tmp_path):
    path = credential(tmp_path, "A" * 43, 0o644)
    with pytest.raises(SetupError, match="others may open"):
        http_enroller(desk.address, path)


def test_a_credential_that_is_not_there_is_refused(desk):
    with pytest.raises(SetupError, match="cannot be read"):
        http_enroller(desk.address, Path("/nowhere/credential"))


def test_no_object_and_no_traceback_shows_the_credential(desk, enroller):
    secret = desk.credential_file.read_text().strip()
    shown = [repr(enroller), str(enroller), repr(vars(enroller)), repr(enroller._client.headers)]
    uid = new_uid()
    enroller.enrol(uid, SECOND, 1)
    for call in (lambda: enroller.enrol(uid, FIRST, 1), lambda: enroller.enrol(uid, FIRST, -1)):
        with pytest.raises(EnrolmentError) as refused:
            call()
        shown += traceback.TracebackException.from_exception(refused.value).format()
    assert secret not in "".join(shown)


# ---- where the credential is sent -----------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "",
        "id.example.com",
        "http://id.example.com",
        "http://192.0.2.1",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0:8424",
        "ftp://127.0.0.1",
        "https://",
        "https://user:secret@id.example.com",
        "https://id.example.com/?a=b",
        "https://id.example.com/#a",
        "https://id.example.com:port",
    ],
)
def test_an_address_that_is_no_safe_one_is_refused_before_anything_is_sent(desk, address):
    with pytest.raises(SetupError) as refused:
        http_enroller(address, desk.credential_file, sleep=pytest.fail)
    assert "https://" in refused.value.hint
    assert "secret" not in f"{refused.value}"


def test_no_proxy_of_the_environment_is_told(desk, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with desk.enroller(sleep=lambda _: None) as enroller:
        assert enroller.find(new_uid()) is None


class Stranger(BaseHTTPRequestHandler):
    """Answers everything in one way, whatever was asked."""

    answer = (200, {}, b"")
    seen = ()

    def _reply(self):
        self.seen.append(self.path)
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self._reply()

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self._reply()

    def log_message(self, *_):
        pass


@contextmanager
def stranger(*answers):
    """Serve *answers*, the last one for ever."""
    numbers = count()

    class Here(Stranger):
        seen = []  # noqa: RUF012 - each server's own

        @property
        def answer(self):
            return answers[min(next(numbers), len(answers) - 1)]

    with serving(Here) as address:
        yield address, Here.seen


def problem(status, **members):
    return status, {"content-type": "application/problem+json"}, json.dumps(members).encode()


KNOWN = (200, {}, b'{"key_version":1,"epoch":1,"counter":2}')
NOT_OURS = {
    "a page": (200, {"content-type": "text/html"}, b"<html>Welcome</html>"),
    "nothing": (200, {}, b""),
    "a list": (200, {}, b"[]"),
    "no generation": (200, {}, b"{}"),
    "a generation out of range": (200, {}, b'{"key_version":256,"epoch":0,"counter":0}'),
    "a counter out of range": (200, {}, b'{"key_version":1,"epoch":0,"counter":16777216}'),
    "a text for a number": (200, {}, b'{"key_version":"1","epoch":0,"counter":0}'),
    "broken compression": (200, {"content-encoding": "gzip"}, b"nonsense"),
    "a redirect": (302, {"location": "/elsewhere"}, b""),
    "another's 404": (404, {}, b"Not Found"),
    "a gateway's 502": (502, {}, b"<html>Bad Gateway</html>"),
    "terminal codes": problem(500, title="\x1b[2J", detail="\x1b]0;x\x07"),
}


@pytest.mark.parametrize("answer", NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_no_service_of_ours_is_a_matter_of_set_up(desk, answer):
    with stranger(answer) as (address, _), pytest.raises(SetupError) as refused:
        http_enroller(address, desk.credential_file, sleep=lambda _: None)
    assert f"{refused.value}{refused.value.hint}".isprintable()


def test_a_redirect_is_not_followed(desk):
    with stranger((302, {"location": "/elsewhere"}, b"")) as (address, seen):
        with pytest.raises(SetupError):
            http_enroller(address, desk.credential_file)
        assert seen == ["/v1/tags/00000000000000"]


def test_a_path_before_the_service_is_kept(desk):
    with stranger(KNOWN) as (address, seen), http_enroller(f"{address}/a/", desk.credential_file):
        assert seen == ["/a/v1/tags/00000000000000"]


STRANGE = NOT_OURS | {
    "a bare 409": problem(409),
    "another generation": (201, {}, b'{"key_version":1,"epoch":2,"counter":2}'),
}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE)
def test_what_stops_being_our_service_enrols_nobody(desk, answer):
    with (
        stranger(KNOWN, answer) as (address, _),
        http_enroller(address, desk.credential_file, sleep=lambda _: None) as enroller,
        pytest.raises(EnrolmentError) as refused,
    ):
        enroller.enrol(new_uid(), FIRST, 2)
    assert refused.value.hint


def test_the_words_of_a_problem_reach_the_person(desk):
    refusal = problem(429, title="Too many attempts", detail="Wait for a minute.")
    with (
        stranger(KNOWN, refusal) as (address, _),
        http_enroller(address, desk.credential_file) as enroller,
        pytest.raises(EnrolmentError, match="429: Too many attempts") as refused,
    ):
        enroller.enrol(new_uid(), FIRST, 2)
    assert refused.value.hint == "Wait for a minute."


def test_closing_twice_is_fine(desk):
    enroller = desk.enroller()
    enroller.close()
    enroller.close()
    with pytest.raises(RuntimeError):
        enroller.find(new_uid())
    assert httpx.get(f"{desk.address}/livez").status_code == 200
