"""Built-in tasks of the family summarization: the facts of a summary worked out from the text."""

import re
from itertools import islice

import pytest

from manyicl.tasks.builtin.grammar import listed, sentence
from manyicl.tasks.builtin.lexicon.calendar import DAYS, MONTHS
from manyicl.tasks.builtin.lexicon.places import STREETS
from manyicl.tasks.builtin.registry import task_generators
from manyicl.tasks.builtin.summarization.council_notices import REASONS, USERS
from manyicl.tasks.builtin.summarization.delivery_threads import ITEMS, TROUBLES, WISHES
from manyicl.tasks.builtin.summarization.guest_reviews import ASPECTS
from manyicl.tasks.builtin.summarization.lab_protocols import TESTS
from manyicl.tasks.builtin.summarization.patient_calls import COMPLAINTS, STEPS
from manyicl.tasks.builtin.summarization.product_changes import PRODUCTS
from manyicl.tasks.builtin.summarization.trip_diaries import MISHAPS, SIGHTS
from manyicl.tasks.builtin.summarization.voicemails import CALLERS
from manyicl.tasks.builtin.summarization.weather_reports import SKIES, WINDS

GENERATORS = {generator.name: generator for generator in task_generators()}
NAMES = (
    "forecast_line",
    "delivery_ticket",
    "handover_line",
    "lab_outcome",
    "closure_headline",
    "postcard_line",
    "voicemail_todo",
    "changelog_line",
    "guest_digest",
)


def rows(name, number=400):
    return list(islice(GENERATORS[name].rows("train"), number))


def sentences(text):
    return re.split(r"(?<=[.!?])\s", text)


def in_order(words, text):
    """Return those of the words that occur in the text, by their first place."""
    low = text.lower()
    found = [word for word in words if re.search(rf"\b{re.escape(word.lower())}\b", low)]
    return sorted(found, key=lambda word: low.index(word.lower()))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_summary_needs_stands_at_changing_places(name):
    """The sentence that shares most words with the summary is not always the same one."""
    places = set()
    for example in rows(name, 200):
        target = set(re.findall(r"\w+", example.target.lower()))
        shared = [
            len(target & set(re.findall(r"\w+", said.lower()))) for said in sentences(example.input)
        ]
        places.add(shared.index(max(shared)))
    assert len(places) >= 3


def test_forecasts_by_what_is_said_about_tomorrow():
    for example in rows("forecast_line"):
        said = sentences(example.input)
        (place,) = (i for i, line in enumerate(said) if "tomorrow" in line.lower())
        line = re.sub(r"despite the [a-z ]+ in older", "", said[place])
        sky, later = in_order(SKIES, line)
        wind, degrees = sorted(
            said[place + 1 : place + 3], key=lambda text: "degrees" in text or "value" in text
        )
        (strength,) = in_order(WINDS, wind)
        side = re.search(r"the ([nsew][a-z-]+)(?: we get|\.)", wind)[1]
        high = re.search(r"\d+", degrees)[0]
        expected = f"{sky}, later {later}, {high} degrees, {strength} {side} wind."
        assert example.target == sentence(expected), example.input


def test_tickets_by_what_the_customer_takes_of_both_offers():
    for example in rows("delivery_ticket"):
        text = example.input
        number, item, other = (
            re.search(r"(\d{5}), the ([a-z ]+)\. The ([a-z ]+) is fine", text)
            or re.search(r"Number (\d{5})\. It was an? ([a-z ]+)(,)", text)
            or (
                lambda found: found and re.match(r"(\d+) ([a-z ]+)(,?)", f"{found[2]} {found[1]},")
            )(re.search(r"It is the ([a-z ]+), (\d{5})", text))
        ).groups()
        assert item in ITEMS
        assert item != other
        (trouble,) = (
            name
            for name, said in TROUBLES.items()
            for one in said
            if all(part.lower() in text.lower() for part in one.split("{street}"))
        )
        (wish,) = (
            n for n, (yes, _) in WISHES.items() if any(w.lower() in text.lower() for w in yes)
        )
        assert example.target == f"Order {number}, {item} {trouble}: customer wants a {wish}", text


def test_wishes_are_not_part_of_what_turns_them_down():
    every = [said for yes, no in WISHES.values() for said in (*yes, *no)]
    assert not any(one in other for one in every for other in every if one != other)


def test_handovers_by_the_complaint_that_has_a_day():
    for example in rows("handover_line"):
        patient = re.search(r"M[rs] \w+", example.input)[0]
        assert all(found == patient for found in re.findall(r"M[rs] \w+", example.input))
        said = sentences(example.input)
        (now,) = (s for s in said if re.search("trouble now|^Since|worries|will not go", s))
        (complaint,) = in_order([c.removeprefix("a ") for c in COMPLAINTS], now)
        since = re.search("|".join(DAYS), now)[0]
        low = example.input.lower()
        done = {
            (step, day)
            for step, (ways, _) in STEPS.items()
            for way in ways
            for they, them in (("he", "him"), ("she", "her"))
            for day in DAYS
            if (form := way.format(they=they, them=them).lower())
            and (f"{form} on {day.lower()}" in low or f"on {day.lower()} {form}" in low)
        }
        ((step, day),) = done
        assert example.target == f"{patient}: {complaint} since {since}, {step} on {day}."


def test_lab_outcomes_by_comparing_values():
    units = "|".join(test[2] for test in TESTS)
    for example in rows("lab_outcome"):
        text = example.input
        limit = int(
            re.search(rf"(?:At least|asks for|have to reach|no less than) (\d+) (?:{units})", text)[
                1
            ]
        )
        values, name = {}, None
        for said in sentences(text):
            found = re.search(r"\b([A-Z])\b(?! reading)", said)
            tried = re.search(
                r"tore|gave way|kept|came off|burst|stayed|went|jammed|showed|was blunt", said
            )
            if found and tried:
                name = found[1]
            if tried and name:
                values[name] = int(re.findall(r"\d+", said)[-1])
        assert len(values) == 3, text
        best = max(values, key=values.get)
        passed = " and ".join(sorted(n for n in values if values[n] >= limit))
        failed = " and ".join(sorted(n for n in values if values[n] < limit))
        assert example.target.startswith(
            f"{passed} passed, {failed} failed; best was {best} with {values[best]} "
        ), text


def test_closures_by_the_sentence_that_has_two_days():
    for example in rows("closure_headline"):
        text = example.input
        (why,) = (
            (said, reason)
            for said in sentences(text)
            for reason, ways in REASONS.items()
            if any(way in said.lower() or way in said for way in ways)
        )
        streets = in_order(STREETS, re.sub(r"(?:At first|not) [A-Z]\w+ [A-Z]\w+", "", why[0]))
        dates = next(said for said in sentences(text) if len(re.findall(r"\d+", said)) == 2)
        (users,) = (u for u, ways in USERS.items() if any(w in dates.lower() for w in ways))
        first, last = re.findall(r"\d+", dates)
        month = re.search("|".join(MONTHS), dates)[0]
        assert example.target == (
            f"{streets[0]} closed to {users} from {first} to {last} {month} for {why[1]}"
        ), text


def test_postcards_by_the_sight_that_is_praised():
    for example in rows("postcard_line"):
        said = sentences(example.input)
        (praise,) = (
            s for s in said if re.search("for minutes|alone I would|beat all|did not want to", s)
        )
        (best,) = in_order(SIGHTS, praise)
        town = re.search(r" in (\w+)", praise)[1]
        (mishap,) = (
            m
            for m, ways in MISHAPS.items()
            if any(w.lower() in example.input.lower() for w in ways)
        )
        home = [
            d for s in said if "home" in s or "return" in s for d in re.findall("|".join(DAYS), s)
        ]
        day = home[-1]
        expected = f"{best.removeprefix('the ')} in {town}, {mishap}, home {day}."
        assert example.target == sentence(expected), example.input


def test_digests_by_counting_the_guests_who_say_it():
    for example in rows("guest_digest"):
        guests = [line.lower() for line in example.input.split("\n")]
        assert len(guests) == 4
        digests = [[], []]
        for aspect in ASPECTS:
            for side, names in enumerate(aspect):
                for name, sayings in names.items():
                    said = [sum(f" {one.lower()}." in guest for one in sayings) for guest in guests]
                    assert max(said) <= 1
                    if sum(said) > 1:
                        digests[side].append(name)
        good, bad = map(sorted, digests)
        assert example.target == sentence(f"{listed(good)}, but {listed(bad)}."), example.input


def test_to_dos_by_what_is_asked_for_now():
    tasks = [task for _, found in CALLERS for task in found]
    for example in rows("voicemail_todo"):
        text = example.input
        asked = re.search(
            r"(?:is for you to|Please|you'd have to|someone has to) (.+?)[.?](?: |$)", text
        )[0]
        (task,) = in_order(tasks, asked)
        days = re.findall("|".join(DAYS), asked)
        day = days[-1]
        number = re.search(r"(?:done, on|I'm on|reach me on|Ring) (\d+ \d+)", text)[1]
        caller = re.search(r"this is (\w+)|Hello, (\w+)|It's me, (\w+)|(\w+) speaking", text)
        who = next(filter(None, caller.groups()))
        expected = f"{task.capitalize()} by {day} and call {who} on {number}."
        assert example.target.lower() == expected.lower(), text


def test_changelogs_by_the_values_and_features():
    for example in rows("changelog_line"):
        text = example.input
        features = [f for _, found in PRODUCTS.values() for f in found]
        said = {
            kind: next(s for s in sentences(text) if re.search(shape, s))
            for kind, shape in {
                "plus": "first time|also find|now built in|Welcome",
                "minus": "goodbye|had to go|Those who loved|no room",
                "change": "so far|now comes|instead of|used to be",
            }.items()
        }
        (plus,), (minus,) = in_order(features, said["plus"]), in_order(features, said["minus"])
        measures = [m for found, _ in PRODUCTS.values() for m, _, _ in found]
        (measure,) = set(in_order(measures, said["change"]))
        one, two = re.findall(r"\d+", said["change"])
        turned = re.search("With|used to be", said["change"])
        old, new = (two, one) if turned else (one, two)
        expected = rf"{measure} {old} to {new} [a-z]+, {plus} added, {minus} removed"
        assert re.fullmatch(expected, example.target, re.I), text
