"""What is written for the eye, taken out for the ear: markup, emoji, stage directions."""

from __future__ import annotations

import html
import re

THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.S | re.I)
FENCE = re.compile(r"```.*?(?:```|\Z)", re.S)
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
TAG = re.compile(r"</?[a-z][^>]*>", re.I)
RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$|^[\s|:-]*\|[\s|:-]*$", re.M)
ROW = re.compile(r"^\s*\|(.*)\|\s*$", re.M)
LINE_START = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+•–]\s+)+", re.M)
STAGE = re.compile(
    r"[*(\[](?:\w+ly )?(?:laugh|chuckl|smil|sigh|paus|grin|nod|cough|clear|giggl|wink)\w*"
    r"(?: \w+){0,3}[*)\]]",
    re.I,
)
EMPHASIS = re.compile(r"\*{1,3}|`+|~~|(?<!\w)_{1,2}(?=\w)|(?<=\w)_{1,2}(?!\w)")
EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2190-\u21ff\ufe0e\ufe0f\u200d\u20e3]+"
)
EMOTICON = re.compile(r"(?:(?<=\s)|^)[:;=]['-]?[)(DPpOo/|](?=\s|$|[.!?])")
SPACE_BEFORE = re.compile(r"\s+([.,;:!?])")


def plain(text: str) -> str:
    """A piece of a reply as it would be read aloud, still with its digits."""
    text = FENCE.sub(" ", THINKING.sub(" ", text))
    text = LINK.sub(r"\1", STAGE.sub(" ", text))
    text = html.unescape(TAG.sub(" ", text))
    text = LINE_START.sub("", RULE.sub("", text))
    text = EMOTICON.sub(" ", EMOJI.sub(" ", text))
    text = re.sub(r"(?<=\d) ?\* ?(?=\d)", " × ", text)
    text = EMPHASIS.sub("", ROW.sub(lambda row: row[1].replace("|", ","), text))
    return SPACE_BEFORE.sub(r"\1", " ".join(text.split()))


def is_open(text: str) -> bool:
    """Is a construct begun in `text` that is not closed: a link, code, thoughts?"""
    low = text.lower()
    if low.count("<think") > low.count("</think") or low.count("```") % 2:
        return True
    begun = text.rfind("[")
    if begun < 0:
        return False
    closed = text.find("]", begun)
    if closed < 0:
        return len(text) - begun < 200  # a bracket that is never closed holds nothing up
    return text[closed + 1 : closed + 2] == "(" and ")" not in text[closed:]
