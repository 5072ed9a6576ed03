"""The pages of the attacks have one form, and say what the code says."""

import re

import pytest
from bench.attack_pages import DOCS, PARTS, from_code, page, replaced, variants

from bench import site_pages
from turncoat.attacks import CATALOGUE

ATTACKS = sorted(CATALOGUE)


def parts(name):
    """The parts of a page by their headings."""
    texts = re.split(r"^## (.+)\n", page(name).read_text(), flags=re.MULTILINE)
    return dict(zip(texts[1::2], texts[2::2], strict=True))


def test_every_attack_has_a_page_and_no_page_is_of_another():
    assert sorted(path.stem for path in (DOCS / "attacks").glob("*.md")) == ATTACKS


@pytest.mark.parametrize("name", ATTACKS)
def test_a_page_has_its_parts_in_their_order(name):
    text = page(name).read_text()
    does = CATALOGUE[name].__doc__.strip().splitlines()[0]
    assert text.startswith(f"# {name}\n\n{does}\n\n## Idea\n")
    assert tuple(parts(name)) == PARTS


@pytest.mark.parametrize("name", ATTACKS)
def test_a_page_says_what_the_code_says(name):
    text = page(name).read_text()
    assert replaced(text, from_code(name)) == text, "run python -m bench.attack_pages"
    assert from_code(name)["needs"].count("\n- ") == len(variants(name)) >= 1
    assert len(from_code(name)["settings"].splitlines()) == 2 + len(CATALOGUE[name].known())


@pytest.mark.parametrize("name", ATTACKS)
def test_a_page_has_a_picture_and_numbers_of_a_command(name):
    shown = parts(name)
    (picture, *_) = re.findall(r"\]\((images/[^)]+)\)", shown["Picture"])
    assert (DOCS / "attacks" / picture).is_file()
    assert (
        f"turncoat attack {name}" in shown["Numbers, passive"]
        and "| test accuracy |" in shown["Numbers, passive"]
    )
    against = shown["Numbers with each defence"]
    assert "turncoat defend" in against and f"--attack {name}" in against
    assert "| defence |" in against or "Not run: " in against


@pytest.mark.parametrize("name", site_pages.BLOCKS)
def test_pages_of_the_site_say_what_the_code_says(name):
    assert site_pages.made(name) == (DOCS / name).read_text(), "run python -m bench.site_pages"


def test_a_block_is_replaced_once():
    text = "a\n<!-- one -->\nold\n<!-- end -->\nb\n"
    assert replaced(text, {"one": "new"}) == "a\n<!-- one -->\n\nnew\n\n<!-- end -->\nb\n"
    assert replaced(replaced(text, {"one": "x"}), {"one": "x"}) == replaced(text, {"one": "x"})
    with pytest.raises(AssertionError, match="not one block 'two'"):
        replaced(text, {"two": "new"})
