"""The bodies of requests and answers, as OpenAPI shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from ntag424 import Generation, Uid
from ntag424.replay import Enrolment, LiveGrant, TagRecord, TagState
from ntag424_service.outcomes import EnrolmentOutcome, Outcome
from ntag424_service.taps.exchange import Session

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
#: As a pattern: a UID in hex.
UID = "^[0-9A-Fa-f]{14}$"
_NONCE = "5f0c1d2e3b4a59687786a5b4c3d2e1f0"
_URL = "https://id.example.com/t#k=0101&p=EF963FF7828658A599F3041510671E88&m=94EED9EE65337086"
_TEMPLATE = "https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}"
_SESSION = "7QFirSdKN1UJu26tJvJgt6E9b-XFvZNsV8uLGemgfHRD8w"


class TapRequest(BaseModel):
    """A tap as the page, or an app, received it."""

    model_config = _STRICT

    url: str = Field(
        max_length=1024,
        examples=[_URL],
        description="The URL exactly as the phone opened it, with its fragment.",
    )
    nonce: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{32}$",
        examples=[_NONCE],
        description=(
            "16 random bytes in lower-case hex, drawn by the client for this request. Sent "
            "again with the same URL within 30 seconds it gives the same answer, so a lost "
            "answer can be asked for again."
        ),
    )


class TapAnswer(BaseModel):
    """A session for an accepted tap."""

    outcome: Outcome = Field(examples=[Outcome.ACCEPTED], json_schema_extra={"enum": ["accepted"]})
    session: str = Field(examples=[_SESSION], description="Opaque bearer token.")
    expires_at: datetime = Field(examples=["2026-11-21T12:05:00Z"])
    subject: str = Field(
        examples=["k3VtQ0m1R2s3T4u5V6w7Xg"],
        description="Names the tag; the same at every tap, and not its UID.",
    )
    counter: int = Field(examples=[61], description="The tag's read counter at this tap.")

    @classmethod
    def of(cls, session: Session) -> Self:
        """Show *session* to whoever tapped."""
        return cls(
            outcome=Outcome.ACCEPTED,
            session=session.token,
            expires_at=datetime.fromtimestamp(session.expires_at, UTC),
            subject=session.subject,
            counter=session.tap.counter,
        )


class SessionAnswer(BaseModel):
    """What a live session stands for."""

    subject: str = Field(examples=["k3VtQ0m1R2s3T4u5V6w7Xg"])
    counter: int = Field(examples=[61])
    key_version: int = Field(examples=[1])
    epoch: int = Field(examples=[1])
    expires_at: datetime = Field(examples=["2026-11-21T12:05:00Z"])
    expires_in: int = Field(examples=[299], description="Whole seconds left.")

    @classmethod
    def of(cls, grant: LiveGrant, subject: str) -> Self:
        """Show *grant* to whoever holds its token."""
        return cls(
            subject=subject,
            counter=grant.counter,
            key_version=grant.generation.key_version,
            epoch=grant.generation.epoch,
            expires_at=datetime.fromtimestamp(grant.expires_at, UTC),
            expires_in=int(grant.remaining),
        )


class EnrolmentRequest(BaseModel):
    """A tag that was written, and what of it is used up."""

    model_config = _STRICT

    uid: str = Field(pattern=UID, examples=["04DE5F1EACC040"])
    key_version: int = Field(ge=0, le=255, examples=[1])
    epoch: int = Field(ge=0, le=255, examples=[1])
    counter: int = Field(ge=0, le=0xFFFFFF, examples=[2], description="Taps up to it are used.")
    template: str = Field(
        default="",
        max_length=1024,
        examples=[_TEMPLATE],
        description=(
            "The URL template that the tag was written with. A tag whose taps could not log in "
            "is refused; where this is left out, its key version and epoch alone decide."
        ),
    )

    def enrolment(self) -> Enrolment:
        """Return what the ledger is asked for."""
        generation = Generation(self.key_version, self.epoch)
        uid = Uid.from_hex(self.uid)
        return Enrolment(uid, generation, self.counter, template=self.template)


class TagAnswer(BaseModel):
    """What the ledger knows of a tag."""

    uid: str = Field(examples=["04DE5F1EACC040"])
    key_version: int = Field(examples=[1])
    epoch: int = Field(examples=[1])
    counter: int = Field(examples=[2])
    state: TagState = Field(examples=["active"])
    enrolled: bool = Field(examples=[True], description="False if only taps made the record.")

    @classmethod
    def of(cls, record: TagRecord) -> Self:
        """Show *record* to whoever writes tags."""
        return cls(
            uid=str(record.uid),
            key_version=record.generation.key_version,
            epoch=record.generation.epoch,
            counter=record.counter,
            state=record.state,
            enrolled=record.enrolled,
        )


class SentryRequest(BaseModel):
    """A tap as SENTRY-Messenger's web client sends it. Fields it adds are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    uid: StrictStr = Field(pattern=UID, examples=["04A1B2C3D4E5F6"])
    sdmmac: StrictStr = Field(pattern="^[0-9A-Fa-f]{16}$", examples=["46ABE8CCBCEA1FC9"])
    sdmcounter: (
        Annotated[StrictStr, Field(pattern="^[0-9A-Fa-f]{6}$")]
        | Annotated[StrictInt, Field(ge=0, le=0xFFFFFF)]
    ) = Field(
        examples=["00000A"],
        description="Exactly six hex digits, MSB first, or the number itself.",
    )
    nonce: object = Field(default=None, description="Ignored: a repeat is always 409.")


class SentryAnswer(BaseModel):
    """What SENTRY-Messenger's web client expects of an accepted tap."""

    session: str = Field(examples=[_SESSION])
    has_mk: bool = Field(examples=[False])
    wrapped_mk: None = Field(examples=[None])
    account_token: str
    account_digest: str
    uid_digest: str
    opaque_server_id: str | None
    brand: str | None = None
    brand_name: str | None = None
    brand_logo: str | None = None


class ProblemDocument(BaseModel):
    """RFC 9457, with the outcome as a member of its own."""

    type: str
    title: str
    status: int
    detail: str
    outcome: Outcome | EnrolmentOutcome | None = None
    key_version: int | None = Field(default=None, description="What the ledger knows of the tag.")
    epoch: int | None = Field(default=None, description="What the ledger knows of the tag.")
    counter: int | None = Field(default=None, description="What the ledger knows of the tag.")
    template: str | None = Field(default=None, description="The template that is served here.")
    key_versions: list[int] | None = Field(
        default=None, description="The key versions that are accepted here."
    )


class Health(BaseModel):
    """The service's word on itself."""

    status: str = Field(examples=["ok"])
