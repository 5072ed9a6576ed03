"""A page as its tags, links and words; it must be well-formed."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "wbr", "source"}
BREAK = "\0"  # where a name may go on in the next line


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps text, links and tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.titles: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.words).replace(f" {BREAK} ", "").split())

    def handle_starttag(self, tag, attrs):
        self.words += [BREAK] if tag == "wbr" else []
        self.tags.add(tag)
        self.titles += [value for name, value in attrs if name == "title"]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)
