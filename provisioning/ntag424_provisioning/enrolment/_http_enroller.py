"""Over HTTPS to a running service, with its enrolment credential."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path

import httpx

from ntag424 import Generation, Uid, UrlTemplate
from ntag424.model import MAX_READ_COUNTER
from ntag424_provisioning.enrolment._answers import (
    generation_in,
    refusal,
    require,
    require_retired,
    served_in,
    takes_no_template,
)
from ntag424_provisioning.enrolment._enroller import Closing, Enrolled, not_served, stale
from ntag424_provisioning.errors import EnrolmentError, SetupError
from ntag424_provisioning.private_files import read_private

_TIMEOUT = httpx.Timeout(10, connect=5)
#: Seconds before each further attempt: what was asked for may have been done already, and
#: asking again does no harm.
_PAUSES = (0.25, 1.0)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*", re.ASCII)
_NO_TAG = Uid(bytes(7))


def http_enroller(
    base_url: str, credential_file: Path, *, sleep: Callable[[float], None] = time.sleep
) -> HttpEnroller:
    """Talk to the service at *base_url*, and see whether it takes the credential.

    Raises:
        SetupError: the address or the file is wrong, or the service does not answer or
            not to this credential; no tag was touched.

    """
    address, credential = _address(base_url), _credential(credential_file)
    client = httpx.Client(
        base_url=address,
        headers={"Authorization": f"Bearer {credential}", "Accept": "application/json"},
        timeout=_TIMEOUT,
        follow_redirects=False,
        # Given one, the client asks no proxy that the environment names.
        transport=httpx.HTTPTransport(),
    )
    enroller = HttpEnroller(client, sleep)
    try:
        enroller.find(_NO_TAG)
    except EnrolmentError as error:
        enroller.close()
        hint = error.hint.replace('run "ntag424 repair": it enrols the tag', "run this again")
        raise SetupError(str(error), hint) from error
    return enroller


class HttpEnroller(Closing):
    """An `Enroller` that asks a service."""

    def __init__(self, client: httpx.Client, sleep: Callable[[float], None]) -> None:
        """Take over *client*; call `http_enroller` instead."""
        self._client = client
        self._sleep = sleep

    def find(self, uid: Uid) -> Enrolled | None:
        """See `Enroller.find`."""
        answer = self._ask("GET", f"v1/tags/{uid}")
        if answer.status_code == HTTPStatus.OK:
            return Enrolled(*generation_in(answer))
        error = refusal(answer)
        if error is None:
            return None
        raise error

    def enrol(
        self,
        uid: Uid,
        generation: Generation,
        counter: int,
        template: UrlTemplate | None = None,
    ) -> bool:
        """See `Enroller.enrol`."""
        members = {
            "uid": str(uid),
            "key_version": generation.key_version,
            "epoch": generation.epoch,
            "counter": counter,
        }
        told = {} if template is None else {"template": template.text}
        answer = self._ask("POST", "v1/tags", members | told)
        if told and takes_no_template(answer):
            answer = self._ask("POST", "v1/tags", members)
        if answer.status_code in (HTTPStatus.CREATED, HTTPStatus.OK):
            require(generation, answer)
            return True
        if answer.status_code == HTTPStatus.CONFLICT:
            raise stale(uid, *generation_in(answer))
        if (served := served_in(answer)) is not None:
            raise not_served(uid, generation, served)
        raise refusal(answer) or EnrolmentError("the service does not enrol tags")

    def retire(self, uid: Uid, generation: Generation) -> bool:
        """See `Enroller.retire`."""
        known = self.find(uid)
        if known is None or known.generation < generation:
            # Else an old list could tell it later. What it does not serve, it refuses anyway.
            with suppress(EnrolmentError):
                self.enrol(uid, generation, MAX_READ_COUNTER)
        answer = self._ask("DELETE", f"v1/tags/{uid}")
        if answer.status_code == HTTPStatus.OK:
            require_retired(answer)
        elif (error := refusal(answer)) is not None:
            raise error
        return True

    def close(self) -> None:
        """See `OpenEnroller.close`."""
        self._client.close()

    def _ask(self, method: str, path: str, members: object = None) -> httpx.Response:
        """Ask, and ask again where nobody answered or the store behind it could not."""
        for pause in _PAUSES:
            with suppress(httpx.RequestError):
                answer = self._client.request(method, path, json=members)
                if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    return answer
            self._sleep(pause)
        try:
            return self._client.request(method, path, json=members)
        except httpx.RequestError as error:
            host, cause = self._client.base_url.host, str(error) or type(error).__name__
            raise EnrolmentError(f"the service at {host} cannot be reached: {cause}") from error


def _address(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    hint = "Write https://id.example.com; plain http:// is for 127.0.0.1 alone."
    if url.scheme not in ("https", "http") or not url.host:
        raise SetupError("this is no address of a service", hint)
    if url.userinfo or url.query or url.fragment:
        raise SetupError("an address of a service has no user, query or fragment", hint)
    if url.scheme == "http" and not _is_loopback(url.host):
        raise SetupError("the credential is not sent unencrypted to another machine", hint)
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credential(path: Path) -> str:
    text = read_private(path, "credential file").decode("ascii", "replace").strip()
    if not _TOKEN.fullmatch(text):
        raise SetupError(
            f"{path} holds no enrolment credential",
            'It is made by "ntag424-service enrolment-credential" and copied here.',
        )
    return text
