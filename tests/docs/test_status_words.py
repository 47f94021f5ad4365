"""The page of status words has the whole table, as the program has it."""

from tests.docs import status_reference
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs/reference/status-words.md"


def test_the_page_has_every_status_word_as_the_program_explains_it(request):
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(status_reference.BEGIN)
    _, end, after = rest.partition(status_reference.END)
    due = before + status_reference.BEGIN + status_reference.written() + end + after
    if request.config.getoption("--update-snapshots"):
        PAGE.write_text(due, "utf-8")
    assert PAGE.read_text("utf-8") == due
