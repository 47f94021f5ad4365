"""The part of docs/reference/status-words.md that is made from the table of status words."""

from ntag424.status_words import READERS, TABLE

BEGIN = "<!-- made by: pytest tests/docs/test_status_words.py --update-snapshots -->\n"
END = "<!-- end of what is made -->\n"
_HEAD = ["", "| command | state | it means | do |", "| --- | --- | --- | --- |"]


def written():
    """Write the whole table down, a section for each status word in the order of the table."""
    statuses = list(dict.fromkeys(meaning.status for meaning in TABLE))
    lines = []
    for status in statuses:
        own = any(meaning.status == status for meaning in READERS)
        lines += [f"## {status:04X}" + (", of the reader" if own else ""), *_HEAD]
        lines += [_row(meaning) for meaning in TABLE if meaning.status == status]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _row(meaning):
    commands = ", ".join(f"`{command}`" for command in meaning.commands) or "any"
    states = [state.value for state in meaning.authentication]
    if meaning.selected is False:
        states.append("application not selected")
    cells = (commands, " or ".join(states) or "any", meaning.cause, meaning.advice)
    return f"| {' | '.join(cells)} |"
