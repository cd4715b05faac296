"""Which images must stay together: those of a lesion, and of lesions known to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def groups(lesions: Mapping[str, str | None], pairs: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Image id to its group, named by the first lesion id in it; an image without lesion is its own group.

    ``pairs`` are images that show one lesion under two ids. They merge lesions, not images: the other
    images of both come along. A pair of which one image is not there says nothing.
    """
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while (parent := parents.get(name, name)) != name:
            parents[name] = parents.get(parent, parent)
            name = parent
        return name

    own = {image_id: lesion or image_id for image_id, lesion in lesions.items()}
    for a, b in pairs:
        if a in own and b in own:
            first, second = sorted((root(own[a]), root(own[b])))
            parents[second] = first
    return {image_id: root(name) for image_id, name in own.items()}
