"""`ntag424 readers`: the readers that are connected."""

from __future__ import annotations

from contextlib import closing

from ntag424.errors import NoTagError, ReaderError, TransportError
from ntag424_provisioning.cli.frame import Json, tell
from ntag424_provisioning.cli.reader_option import connected
from ntag424_provisioning.links import ReaderName, as_option, open_link


def readers(*, as_json: Json = False) -> None:
    """List the readers that are connected, and whether there is a tag on them."""
    for reader in connected():
        found = _look(reader)
        record = {"reader": str(reader), **found}
        state = found["trouble"] or ("a tag" if found["tag"] else "no tag")
        uid = f" {found['uid']}" if found["uid"] else ""
        tell(record, f"{as_option(reader)}  {state}{uid}", as_json=as_json)


def _look(reader: ReaderName) -> dict[str, str | bool | None]:
    try:
        with closing(open_link(reader)) as link:
            uid = link.wait_for_tag(0)
    except NoTagError:
        return {"tag": False, "uid": None, "trouble": None}
    except (ReaderError, TransportError) as error:
        return {"tag": None, "uid": None, "trouble": str(error)}
    return {"tag": True, "uid": None if uid is None else uid.hex().upper(), "trouble": None}
