"""Renders a document as CommonMark with tables, and prints every tag and every address of what comes out."""
import sys
from html.parser import HTMLParser

from markdown_it import MarkdownIt

tags, addresses = {}, set()


class Look(HTMLParser):
    def handle_starttag(self, tag, attributes):
        tags[tag] = tags.get(tag, 0) + 1
        for name, value in attributes:
            if name in ("href", "src"):
                addresses.add(value)
            elif name != "style":
                print("attribute", tag, name)


Look().feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(open(sys.argv[1], encoding="utf-8").read()))
print("tags", *(f"{tag} {count}" for tag, count in sorted(tags.items())))
print("addresses", *sorted(addresses))
