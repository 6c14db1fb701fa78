"""Listings of a town's events. Every kind of event can be in a park, a school or a church."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, SURNAMES, WOMEN
from manyicl.tasks.builtin.lexicon.places import RIVERS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "music": (
        "{person} (sings|plays) songs about {theme}",
        "the {town} (choir|brass band) with {num} new songs",
        "{num} guitars and a drum: {surname} and friends",
        "open stage for bands, bring your own (guitar|drum)",
        "organ (works|pieces) of {num} centuries, played by {person}",
        "a hundred voices sing of {theme}, conductor: {person}",
        "the {surname} trio, last heard at the {town} market",
        "jazz with the {surname} quartet, dancing allowed",
        "the youth orchestra plays (waltzes|film tunes)",
        "{person} at the piano, songs of love and {theme}",
        "sing along with the {town} choir, no practice needed",
        "the {surname} band plays jazz and songs about {theme}",
    ),
    "stage": (
        "a farce about {role} and {num} doors, played by amateurs",
        "'{title}', a comedy in {num} acts",
        "{person} alone on stage as {role}",
        "(dance|puppets) for adults: '{title}', directed by {person}",
        "improvised scenes about {theme}, the audience decides who dies",
        "the {town} players show '{title}', last night of the run",
        "a one-woman evening about {theme}, written and played by {person}",
        "{num} short scenes by pupils of the {town} school",
        "premiere: '{title}', with {person} as {role}",
        "drama class of the school shows '{title}'",
        "comedy night: {person} makes fun of {theme}",
        "'{title}', a play about {theme}, with {person} in the lead",
    ),
    "talk": (
        "{person} speaks about {theme} in the age of machines",
        "slides and stories: {num} weeks by bicycle along the {river}",
        "how {theme} (changed|made) us: a debate with {num} guests",
        "{person} reads from a new novel about {role}",
        "questions and answers with (Dr|Professor) {surname} on {theme}",
        "{person} answers questions about (football|beekeeping|opera)",
        "what we know about {theme}, with slides, by the {town} history club",
        "evening lecture: the history of {theme} in {town}",
        "{role} tells of {num} years in the job, questions welcome",
        "panel: do we need {theme}? with {person}",
        "lecture by Professor {surname}: the {river} and its bridges",
        "(Dr|Professor) {surname} speaks and answers questions about {theme}",
    ),
    "course": (
        "learn to (knit|carve|solder) in {num} evenings",
        "(watercolours|pottery) for beginners, all material included",
        "bread baking with {person}, {num} places left",
        "first aid in a day, with certificate",
        "play the (guitar|piano) in {num} evenings, with {person}",
        "speak in public without fear, small group, with {person}",
        "repair your own (bicycle|radio), tools are there",
        "(Spanish|sign language) for beginners, {num} evenings",
        "how to prune fruit trees, hands on, with {person}",
        "write your own songs, for beginners, with {person}",
        "learn to (juggle|dance the tango) in a weekend",
        "{num} evenings of (cooking|drawing) for beginners, bring an apron",
    ),
    "sport": (
        "{num} kilometre run along the {river}, start at the bridge",
        "{town} against {town}, second leg",
        "table tennis for all, bats can be borrowed",
        "rowing regatta on the {river}, finals of the eights",
        "open training of the (judo|climbing) club",
        "friendly match of the {town} school against its teachers",
        "{person} defends the title over {num} rounds",
        "chess blitz tournament, {num} rounds",
        "handball derby: {town} at home to {town}",
        "night ride by bicycle, {num} kilometres, helmets required",
        "swim across the {river}, for all ages over twelve",
        "tournament of the {town} (handball|tennis) club, finals and prizes",
    ),
    "market": (
        "(records|books|toys) second hand, {num} tables",
        "{num} stalls with honey, cheese and (candles|bread)",
        "swap what you no longer wear, coffee for free",
        "flea market in aid of the (school|fire brigade)",
        "(guitars|skis|prams) bought and sold, private sellers only",
        "the {town} school sells what it no longer needs",
        "plants and seeds from {num} gardens, prices from one euro",
        "antiques, stamps and coins, dealers from {town} and {town}",
        "craft fair: {num} potters and weavers sell their work",
        "stalls by the water: fish from the {river}, bread, flowers",
        "everything for the (baby|kitchen) second hand, {num} euros a table",
        "{num} stalls of antiques and flowers along the {river}",
    ),
}
GRAMMAR = Grammar(
    {
        "first": WOMEN + MEN,
        "surname": SURNAMES,
        "person": ("{first} {surname}",),
        "town": TOWNS,
        "river": RIVERS,
        "num": ("two", "three", "four", "five", "six", "eight", "nine", "ten"),
        "theme": ("the sea", "winter", "football", "honey", "old trains", "money", "sleep",
                  "the market", "growing old", "school", "dogs", "the moon"),
        "role": ("a lighthouse keeper", "a night nurse", "a tax inspector", "a goalkeeper",
                 "a piano tuner", "a beekeeper", "a bus driver", "a market trader"),
        "title": ("The (Borrowed|Wrong|Second) (Aunt|Piano|Suitcase)", "Dinner with {first}",
                  "The (Goalkeeper|Baker|Teacher) of {town}", "(Four|Six|Ten) Weeks of Rain"),
        "hour": ("10 am", "noon", "2 pm", "4 pm", "6 pm"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "place": ("town hall", "St Ann's church", "school gym", "market square", "library",
                  "old brewery", "park by the {river}", "theatre cafe", "sports hall",
                  "music school", "museum yard"),
        "head": ("{day}, {hour}, {place}: ", "{place}, {day}: ", "{day} {hour}: ", "{place}: "),
        "tail": ("", "", "", " Free.", " {num} euros at the door.", " Bring the children.",
                 " With {person}.",
                 " If it rains: a week later.", " Tickets at the library.",
                 " Drinks and songs after.", " A talk on {theme} follows.",
                 " In aid of the {town} (choir|handball club|school)."),
    }
)  # fmt: skip


@builtin_task(
    instruction="What kind of event is announced?",
    metric="accuracy",
    labels=tuple(CORES),
)
def event_category(rng: random.Random) -> Example:
    """Lines of a town's events calendar to one of six kinds; place and theme fit any of them."""
    category = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[category])
    return kind(GRAMMAR.write(rng, f"{{head}}{core}.{{tail}}"), category)
