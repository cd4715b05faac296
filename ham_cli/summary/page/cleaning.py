"""Texts without the characters that nobody sees: they come from somebody's record, table or file name."""

from __future__ import annotations

import re
from typing import Any

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters but tab and line end, what turns the direction of letters, and what no file in UTF-8 or XML can hold."""


def clean(text: str) -> str:
    """The text without them."""
    return _UNSEEN.sub("", text)


def cleaned(value: Any) -> Any:  # noqa: ANN401  (whatever JSON has)
    """Lists, dictionaries and texts within each other, every text clean; a control character in a chart ends the whole process."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: cleaned(one) for key, one in value.items()}
    return [cleaned(one) for one in value] if isinstance(value, list) else value
