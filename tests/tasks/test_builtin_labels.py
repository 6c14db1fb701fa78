"""Labels of built-in classification and symbolic tasks, worked out again from the text alone."""

import re
from collections import defaultdict
from functools import cache
from itertools import islice

import pytest

from manyicl.tasks.builtin.classification import (
    app_feedback,
    bank_messages,
    clinic_calls,
    event_listings,
    garden_diary,
    helpdesk_tickets,
    job_adverts,
    news_briefs,
    passenger_complaints,
    quiz_questions,
    text_kinds,
)
from manyicl.tasks.builtin.registry import task_generators
from manyicl.tasks.builtin.symbolic import animal_cities, rotated_topics

GENERATORS = {generator.name: generator for generator in task_generators()}
APP = app_feedback.CORES
APP_TOPICS = {topic: [c for cues in kinds.values() for c in cues] for topic, kinds in APP.items()}
APP_KINDS = {
    kind: [c for kinds in APP.values() for c in kinds[kind]] for kind in app_feedback.KINDS
}
# task: (the phrases of every label, the grammar that fills them)
PHRASES = {
    "app_feedback_kind": (APP_KINDS, app_feedback.GRAMMAR),
    "app_feedback_topic": (APP_TOPICS, app_feedback.GRAMMAR),
    "bank_intent": (bank_messages.CORES, bank_messages.GRAMMAR),
    "clinic_call": (clinic_calls.CORES, clinic_calls.GRAMMAR),
    "complaint_severity": (passenger_complaints.CORES, passenger_complaints.GRAMMAR),
    "event_category": (event_listings.CORES, event_listings.GRAMMAR),
    "garden_job": (garden_diary.CORES, garden_diary.GRAMMAR),
    "helpdesk_queue": (helpdesk_tickets.CORES, helpdesk_tickets.GRAMMAR),
    "job_department": (job_adverts.CORES, job_adverts.GRAMMAR),
    "news_desk": (news_briefs.CORES, news_briefs.GRAMMAR),
    "question_type": (quiz_questions.CORES, quiz_questions.GRAMMAR),
    "text_kind": (text_kinds.CORES, text_kinds.GRAMMAR),
}
ENDINGS = {"alpha": "ake", "beta": "ight|ite", "gamma": "oat|ote", "delta": "ell?"}


def rows(name, number=400):
    return list(islice(GENERATORS[name].rows("train"), number))


def numbers(text):
    return [int(found) for found in re.findall(r"\d+", text)]


def pattern(template, rules):
    """Return a regular expression for the texts of a template; spaces may be lost, a be an."""

    def symbol(found):
        templates = rules[found[1]]
        if len(templates) > 25:  # names and numbers
            return r"[\w.]+(?: \w+)??"
        return f"(?:{'|'.join(pattern(template, rules) for template in templates)})"

    text = re.sub(r"([.?+])", r"\\\1", template).replace("(", "(?:")
    text = re.sub(r"\b([Aa]) ", r"\1n? ", text).replace(" ", " *")
    return re.sub(r"\{(\w+)\}", symbol, text)


@cache
def patterns(name):
    phrases, grammar = PHRASES[name]
    # A quiz question may hold another one as a clause ("..., who built ..."): its start counts.
    start = "(?:^|[:.] )" if name == "question_type" else r"(?<!\w)"
    return [
        (label, re.compile(rf"{start}{pattern(core, grammar.rules)}(?!\w)", re.IGNORECASE))
        for label, cores in phrases.items()
        for core in cores
    ]


@pytest.mark.parametrize("name", PHRASES)
def test_a_text_holds_phrases_of_its_label_and_of_no_other(name):
    for example in rows(name, 200):
        found = {label for label, phrase in patterns(name) if phrase.search(example.input)}
        assert found == {example.target}, example.input


@pytest.mark.parametrize("name", PHRASES)
def test_no_phrase_stands_under_two_labels(name):
    phrases, _ = PHRASES[name]
    every = [core for cores in phrases.values() for core in cores]
    assert len(set(every)) == len(every)


def test_the_two_tasks_on_app_feedback_cross_every_topic_with_every_kind():
    seen = defaultdict(set)
    for example in rows("app_feedback_topic"):
        kind_of = {k for k, phrase in patterns("app_feedback_kind") if phrase.search(example.input)}
        seen[example.target] |= kind_of
    assert seen == {topic: set(app_feedback.KINDS) for topic in app_feedback.CORES}


def test_animals_are_filed_under_the_city_of_their_kind():
    city_of = {a: city for city, (animals, _) in animal_cities.CITIES.items() for a in animals}
    for example in rows("animal_cities"):
        (animal,) = set(re.findall(r"[a-z]+", example.input.lower())) & set(city_of)
        assert example.target == city_of[animal]


def test_bins_follow_from_the_first_letters_and_the_last_ones_fit_every_bin():
    first, last = defaultdict(set), defaultdict(set)
    for example in rows("bin_codes", 800):
        start, _, end = example.input.split(",")[0].split("-")
        first[start].add(example.target)
        last[end].add(example.target)
    assert [len(bins) for bins in first.values()] == [1] * 16
    assert {len(bins) for bins in last.values()} == {4}


def test_topics_bear_the_name_of_the_next_one():
    following = {
        "sport": "food",
        "food": "travel",
        "travel": "health",
        "health": "money",
        "money": "sport",
    }
    grammar = rotated_topics.GRAMMAR
    phrases = [
        (topic, re.compile(pattern(core, grammar.rules), re.IGNORECASE))
        for topic, cores in rotated_topics.CORES.items()
        for core in cores
    ]
    for example in rows("rotated_topics"):
        text = example.input.rstrip(".")
        (topic,) = {topic for topic, phrase in phrases if phrase.fullmatch(text)}
        assert example.target == following[topic], text


def test_row_patterns_by_what_is_repeated():
    for example in rows("row_patterns"):
        expected = "moss"
        if re.fullmatch(r"(\w+) \w+ \w+ \1", example.input):
            expected = "reed"
        elif re.match(r"(\w+) \1 ", example.input):
            expected = "clay"
        assert example.target == expected
        assert len(set(example.input.split())) == (4 if expected == "moss" else 3)


def test_weight_classes_by_the_weight():
    for example in rows("weight_classes"):
        _, grams = numbers(example.input)
        expected = "pearl" if grams < 300 else "amber" if grams < 500 else "coral"
        assert example.target == ("flint" if grams >= 800 else expected)


def test_colour_and_shape_decide_together_and_neither_alone():
    labels_of = defaultdict(set)
    for example in rows("shape_colours", 800):
        colour, shape = example.input.split()[-2:]
        for key in ((colour, shape), colour, shape):
            labels_of[key].add(example.target)
    assert {len(labels) for key, labels in labels_of.items() if isinstance(key, tuple)} == {1}
    assert {len(labels) for key, labels in labels_of.items() if isinstance(key, str)} == {4}
    assert len(labels_of) == 16 + 8


def test_row_lengths_by_counting():
    names = {2: "noon", 3: "dusk", 4: "night", 5: "dawn"}
    for example in rows("row_lengths"):
        assert example.target == names[len(example.input.split())]


def test_map_points_lie_clearly_on_one_side_of_a_line():
    for example in rows("map_points"):
        east, north = numbers(example.input)
        assert abs(2 * east + 3 * north - 248) >= 30
        assert example.target == ("ridge" if north > (248 - 2 * east) / 3 else "hollow")


def test_the_first_word_decides_and_the_others_do_not():
    first, later = defaultdict(set), defaultdict(set)
    for example in rows("first_words", 800):
        start, *rest = example.input.split()
        first[start].add(example.target)
        for word in rest:
            later[word].add(example.target)
    assert [len(labels) for labels in first.values()] == [1] * 12
    assert {len(labels) for labels in later.values()} == {3}


def test_rhymes_by_the_spelling_of_the_last_word():
    for example in rows("rhyme_marks"):
        (mark,) = {mark for mark, ends in ENDINGS.items() if re.search(f"({ends})$", example.input)}
        assert example.target == mark, example.input
