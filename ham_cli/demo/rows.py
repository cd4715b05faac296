"""The rows of a drawn record: invented lesions, and the pictures taken of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ham_cli.demo.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ham_cli.record import Record

COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")

_CONFIRMED = {
    "akiec": {"histo": 1},
    "bcc": {"histo": 1},
    "bkl": {"histo": 70, "consensus": 24, "confocal": 6},
    "df": {"consensus": 1, "histo": 1},
    "mel": {"histo": 1},
    "nv": {"follow_up": 55, "histo": 37, "consensus": 8},
    "vasc": {"consensus": 1, "histo": 1},
}
"""How often each ground truth stands behind a diagnosis."""

_FIVES = {"akiec": (8, 17), "bcc": (8, 17), "bkl": (7, 17), "df": (5, 16), "mel": (6, 17), "nv": (1, 17), "vasc": (1, 17)}
"""The lowest and highest age of each diagnosis, in fives of years."""

_PLACES = {
    "akiec": ("face", "face", "lower extremity", "upper extremity", "back", "scalp", "hand"),
    "bcc": ("back", "back", "face", "lower extremity", "upper extremity", "chest", "scalp"),
    "bkl": ("face", "face", "back", "lower extremity", "upper extremity", "chest", "trunk", "neck"),
    "df": ("lower extremity", "lower extremity", "lower extremity", "upper extremity", "abdomen"),
    "mel": ("back", "back", "upper extremity", "lower extremity", "face", "chest", "foot", "ear"),
    "nv": ("lower extremity", "back", "trunk", "abdomen", "upper extremity", "foot", "chest", "genital", "acral"),
    "vasc": ("trunk", "lower extremity", "abdomen", "back", "upper extremity", "hand"),
}
"""Where lesions of each diagnosis lie."""

_CAMERAS = {
    "akiec": {"rosendahl": 9, "vidir_modern": 1},
    "bcc": {"rosendahl": 29, "vidir_modern": 21, "vienna_dias": 2},
    "bkl": {"rosendahl": 49, "vidir_modern": 47, "vidir_molemax": 12, "vienna_dias": 2},
    "df": {"vidir_modern": 5, "rosendahl": 3, "vidir_molemax": 3, "vienna_dias": 1},
    "mel": {"vidir_modern": 68, "rosendahl": 34, "vienna_dias": 7, "vidir_molemax": 2},
    "nv": {"vidir_molemax": 37, "vidir_modern": 18, "rosendahl": 8, "vienna_dias": 4},
    "vasc": {"vidir_modern": 8, "vidir_molemax": 5, "rosendahl": 1, "vienna_dias": 1},
}
"""How often each site has a diagnosis."""

_PICTURES = {1: 40, 2: 14, 3: 4, 4: 1, 6: 1}
"""How many of sixty lesions have so many pictures: ninety, as two lesions in three pictures ask for."""

_TRAIN, _TEST = 1, 2
"""Seeds: which numbers are thrown."""


@dataclass(frozen=True)
class Lesion:
    """An invented lesion; the words are those of its rows."""

    lesion_id: str
    dx: str
    dx_type: str
    age: str
    sex: str
    place: str
    camera: str
    look: int
    """Which drawn lesion it is; duplicates of one share it."""


@dataclass(frozen=True)
class Image:
    """One picture of a lesion, and what its row says."""

    image_id: str
    lesion: Lesion
    place: str
    camera: str
    view: int
    """Which picture of the lesion; two images of one view are the same bytes."""
    close: bool = False
    """Whether the lesion fills the frame."""
    inverted: bool = False
    """Whether its mask is a palette image whose index 0 is white."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Its row, in the order of `COLUMNS`."""
        own = self.lesion
        return own.lesion_id, self.image_id, own.dx, own.dx_type, own.age, own.sex, self.place, self.camera


@dataclass(frozen=True)
class Rows:
    """Everything the tables of a drawn record say."""

    train: tuple[Image, ...]
    """In the table's order: by diagnosis and lesion."""
    test: tuple[Image, ...]
    """By image."""
    planted: tuple[str, ...]
    """The row of an image that the test truth names and that does not exist."""
    pairs: tuple[tuple[str, str], ...]
    """Images with different lesion ids that show one lesion."""

    @property
    def truth(self) -> list[tuple[str, ...]]:
        """The rows of the test truth, the planted one among them."""
        return sorted([*(image.cells for image in self.test), self.planted], key=lambda row: row[1])


def rows(images: int, published: Record) -> Rows:
    """The rows of a record of so many training images, its diagnoses about as frequent as in the published one."""
    whole = {part: published.partitions[part] for part in ("train", "test")}
    tested = (2 * whole["test"].images * images + whole["train"].images) // (2 * whole["train"].images)
    train, pairs = _train(images, whole["train"].dx)
    test, planted = _test(tested, images + 1, whole["test"].dx)
    return Rows(train, test, planted, pairs)


def _train(images: int, weights: Mapping[str, int]) -> tuple[tuple[Image, ...], tuple[tuple[str, str], ...]]:
    chance, count = Chance(_TRAIN, images), images * 2 // 3
    numbers = chance.shuffled(range(1, count + 1))
    lesions = [
        _lesion(f"LESION_{number:07}", number, dx, chance) for number, dx in zip(numbers, _diagnoses(count, weights, 4), strict=True)
    ]
    twins = _doubled(lesions)
    ids = iter(chance.shuffled(range(1, images + 1)))
    taken = {
        lesion.lesion_id: [_image(next(ids), lesion) for _ in range(size)]
        for lesion, size in zip(lesions, _sizes(images, count, chance), strict=True)
    }
    _vary([pictures for pictures in taken.values() if len(pictures) > 1], chance)
    _approach([pictures for pictures in taken.values() if pictures[0].lesion.dx == "bkl"])
    pairs = tuple((taken[one][0].image_id, taken[other][0].image_id) for one, other in twins)
    ordered = sorted(taken.values(), key=lambda pictures: (pictures[0].lesion.dx, pictures[0].lesion.lesion_id))
    return tuple(image for pictures in ordered for image in pictures), pairs


def _test(images: int, first: int, weights: Mapping[str, int]) -> tuple[tuple[Image, ...], tuple[str, ...]]:
    """The test images, numbered from ``first`` on, and the planted row in their midst."""
    chance, count = Chance(_TEST, images), images - images // 5
    dealt = chance.shuffled(_diagnoses(count, weights, 1))
    lesions = [_tested(_lesion(f"LESIONTEST_{n:07}", -1 - n, dx, chance), chance) for n, dx in enumerate(dealt)]
    shown = lesions + [chance.of(lesions) for _ in range(images - count)]
    middle = first + images // 2
    ids = [number for number in range(first, first + images + 1) if number != middle]
    planted = (f"LESIONTEST_{count:07}", _id(middle), "nv", "consensus", "", "", "", "")
    return tuple(_image(number, lesion) for number, lesion in zip(ids, chance.shuffled(shown), strict=True)), planted


def _id(number: int) -> str:
    return f"DEMO_{number:07}"


def _image(number: int, lesion: Lesion) -> Image:
    return Image(_id(number), lesion, lesion.place, lesion.camera, number, inverted=_is_one_of(number, 25, 3))


def _is_one_of(number: int, every: int, first: int) -> bool:
    """Whether a number is ``first``, or so many times ``every`` later."""
    return number % every == first


def _diagnoses(count: int, weights: Mapping[str, int], least: int) -> list[str]:
    """A diagnosis for every lesion: by their weights, each ``least`` times where there are lesions enough, at least once."""
    often = sorted(weights, key=lambda dx: -weights[dx])
    if count < 2 * len(often):
        return [often[n % len(often)] for n in range(count)]
    least = min(least, count // (2 * len(often) + 2) or 1)
    counts = {dx: max(least, count * weights[dx] // sum(weights.values())) for dx in often[1:]}
    counts[often[0]] = count - sum(counts.values())
    return [dx for dx, number in counts.items() for _ in range(number)]


def _lesion(lesion_id: str, number: int, dx: str, chance: Chance) -> Lesion:
    """A lesion; some facts are unknown, as in the published table, and always in the same lesions."""
    age, camera = f"{5 * chance.about(*_FIVES[dx])}.0", chance.weighted(_CAMERAS[dx])
    sex, place = chance.of(("female", "male")), chance.of(_PLACES[dx])
    if _is_one_of(number, 29, 5) or _is_one_of(number, 41, 7):
        # In the published table, too, nearly all blank ages and all those of 0 come from this site.
        age, camera = "" if _is_one_of(number, 29, 5) else "0.0", "vidir_modern"
    sex = "unknown" if _is_one_of(number, 31, 11) else sex
    place = "unknown" if _is_one_of(number, 23, 13) else place
    return Lesion(lesion_id, dx, chance.weighted(_CONFIRMED[dx]), age, sex, place, camera, number)


def _tested(lesion: Lesion, chance: Chance) -> Lesion:
    """A lesion of the test set: one in five comes from elsewhere, and nobody knows whose it was."""
    return lesion if chance.below(5) else replace(lesion, age="", sex="unknown", place="unknown", camera="external")


def _doubled(lesions: list[Lesion]) -> list[tuple[str, str]]:
    """Make a few lesions duplicates of others with the same diagnosis; their ids in pairs."""
    pairs = []
    for dx, first in (("nv", 0), ("nv", 2), ("mel", 0)):
        # Both keep their cameras; what is unknown of a lesion stays so.
        known = [n for n, own in enumerate(lesions) if own.dx == dx and not {"", "0.0", "unknown"} & {own.age, own.sex, own.place}]
        for one, other in zip(known[first : first + 1], known[first + 1 : first + 2], strict=False):
            lesions[other] = replace(lesions[one], lesion_id=lesions[other].lesion_id, camera=lesions[other].camera)
            pairs.append((lesions[one].lesion_id, lesions[other].lesion_id))
    return pairs


def _sizes(images: int, lesions: int, chance: Chance) -> list[int]:
    """How many pictures each lesion has; their sum is ``images``."""
    sizes, left = [1] * lesions, images - lesions
    places = chance.shuffled(range(lesions))
    wanted = chance.shuffled(size for size, often in _PICTURES.items() for _ in range(often))
    for n, place in enumerate(places * 2):
        more = min(wanted[n % len(wanted)] - 1, left, 6 - sizes[place])
        sizes[place] += more
        left -= more
    return sizes


def _vary(several: Sequence[list[Image]], chance: Chance) -> None:
    """Give a few lesions what a few published ones have: two equal pictures, two places, two cameras."""
    twins, *others = sorted(several, key=lambda pictures: pictures[0].lesion.dx != "nv")
    twins[1] = replace(twins[0], image_id=twins[1].image_id)
    for pictures in others[:2]:
        words = [place for place in _PLACES[pictures[0].lesion.dx] if place != pictures[0].place]
        pictures[-1] = replace(pictures[-1], place=chance.of(words))
    for pictures in others[2:5]:
        words = [camera for camera in _CAMERAS[pictures[0].lesion.dx] if camera != pictures[0].camera]
        pictures[-1] = replace(pictures[-1], camera=chance.of(words))


def _approach(several: Sequence[list[Image]]) -> None:
    """Take one picture from so near that the lesion fills the frame."""
    pictures = next((p for p in several if len(p) == 1), several[-1])
    pictures[-1] = replace(pictures[-1], close=True)
