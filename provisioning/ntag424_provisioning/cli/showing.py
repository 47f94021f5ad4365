"""How tags and taps are shown: a tap that is not used up is a credential, so its MAC is masked."""

from __future__ import annotations

from ntag424 import MalformedTapError, UrlTemplate, VerifiedTap
from ntag424_provisioning.engine.bench import Outcome, Progress, Result

_SHOWN = 4
_VERBS = {
    Outcome.PROVISIONED: "done",
    Outcome.UNCHANGED: "nothing to do",
    Outcome.RESET: "blank again",
}


def masked(url: str, template: UrlTemplate) -> str:
    """Return *url* without most of its MAC."""
    try:
        mac = template.parse(url).message.mac.hex().upper()
    except MalformedTapError:
        return template.place + "…"
    return url.replace(mac, mac[:_SHOWN] + "…")


def step_line(progress: Progress) -> str:
    """Return the line for a step that begins."""
    counted = f"[{progress.step}/{progress.of}] " if progress.of else ""
    return f"  {counted}{progress.text}"


def result_record(result: Result) -> dict[str, object]:
    """Return the result of a job as JSON has it."""
    return {
        "uid": str(result.uid),
        "outcome": result.outcome.value,
        "key_version": result.generation.key_version,
        "epoch": result.generation.epoch,
        "counter": result.counter,
    }


def result_text(result: Result) -> str:
    """Return the result of a job as people read it."""
    verb, generation = _VERBS[result.outcome], result.generation
    if result.outcome is Outcome.RESET:
        told = ", and the service refuses what it made before" if result.is_retired else ""
        return f"✓ {result.uid}  {verb}{told}"
    life = f"key version {generation.key_version}, epoch {generation.epoch}"
    return f"✓ {result.uid}  {verb}: {life}, counter {result.counter}"


def tap_record(tap: VerifiedTap) -> dict[str, object]:
    """Return a verified tap as JSON has it."""
    return {
        "verifies": True,
        "uid": None if tap.uid is None else str(tap.uid),
        "counter": tap.read_counter,
        "key_version": tap.key_version,
        "epoch": tap.epoch,
        "mode": tap.mode.value,
        "tamper": None if tap.tamper is None else tap.tamper.name.lower(),
        "file_data": None if tap.file_data is None else tap.file_data.hex(),
    }


def tap_text(tap: VerifiedTap) -> str:
    """Return a verified tap as people read it."""
    return (
        f"✓ genuine: tag {tap.uid}, counter {tap.read_counter}, key version {tap.key_version}, "
        f"epoch {tap.epoch}, {tap.mode.upper()} mode. Offline: whether it is fresh, only a "
        "ledger knows."
    )
