"""Towns, rivers and streets for invented facts. Some of the names exist; what is said does not."""

from __future__ import annotations

from manyicl.tasks.builtin.lexicon.word_list import words

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
RIVERS = words(
    "Arla Benna Corve Dorn Esk Fallow Garra Isen Lune Marl Nidda Orlo Pell Rill Sarn Tolla Urr "
    "Vane Wend Yarrow"
)
STREETS = words(
    "Mill Lane, Station Road, Church Street, Harbour Road, Park Avenue, Bridge Street, "
    "Market Square, School Lane, Garden Row, Castle Street, Chapel Lane, Orchard Way, River Walk, "
    "Tower Street, Forge Lane, Maple Avenue, Cedar Road, Willow Way",
    ", ",
)
