"""Towns, rivers and streets for invented facts. Some of the names exist; what is said does not."""

from __future__ import annotations

TOWNS = tuple(
    start + end
    for start, ends in {
        "Alder": ("ton", "by", "mouth"),
        "Ash": ("combe", "ford", "well"),
        "Bram": ("ley", "stead", "ford"),
        "Copper": ("field", "hill"),
        "Dun": ("more", "wick", "haven"),
        "Elm": ("stead", "bridge", "ford"),
        "Fair": ("holm", "mead", "gate"),
        "Gren": ("dale", "wold"),
        "Hart": ("well", "brook", "ing"),
        "Kel": ("don", "marsh", "by"),
        "Lark": ("field", "ham"),
        "Mill": ("haven", "brook"),
        "North": ("gate", "wick", "holm"),
        "Oak": ("ridge", "ley"),
        "Penn": ("ard", "wick"),
        "Quarry": ("bank", "ton"),
        "Ross": ("mouth", "lyn"),
        "Stone": ("leigh", "beck"),
        "Thorn": ("bury", "wick"),
        "Under": ("cliff", "wood"),
        "Wester": ("ham", "dale"),
        "Win": ("low", "stead"),
    }.items()
    for end in ends
)
RIVERS = tuple(
    "Arla Benna Corve Dorn Esk Fallow Garra Isen Lune Marl Nidda Orlo Pell Rill Sarn Tolla Urr "
    "Vane Wend Yarrow".split()
)
STREETS = tuple(
    f"{name} {kind}"
    for name, kind in zip(
        "Mill Station Church Harbour Park Bridge Market School Garden Castle Chapel Orchard River "
        "Tower Forge Maple Cedar Willow".split(),
        "Lane Road Street Road Avenue Street Square Lane Row Street Lane Way Walk Street Lane "
        "Avenue Road Way".split(),
        strict=True,
    )
)
