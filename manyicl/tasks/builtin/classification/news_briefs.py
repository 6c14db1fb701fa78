"""News in brief. Towns, mayors, clubs and money turn up on the pages of every desk."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import MEN, SURNAMES, WOMEN
from manyicl.tasks.builtin.lexicon.places import RIVERS, STREETS, TOWNS
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "politics": (
        "the council of {town} voted {many} to {few} (for|against) a (new school|bypass|dog tax)",
        "{person} (stands|will not stand) for mayor (again|) in {town}",
        "the minister (defended|dropped) the plan for (cheaper rents|longer school days)",
        "voters in {town} go to the polls on {day} to elect a new council",
        "the opposition (calls for|demands) the resignation of minister {surname}",
        "parliament sent the (bill|law) on (drones|school meals) back to the committee",
        "{person}, a member of the council, leaves the party (after {num} years|)",
        "the mayor of {town} vetoed the budget the council had passed",
        "talks on a coalition in {town} broke down over the (hospital|harbour)",
        "a committee of parliament wants to hear minister {surname} (on {day}|again)",
    ),
    "business": (
        "{firm} is closing its plant in {town}, {big} jobs go",
        "profits at {firm} (rose|fell) by {num} percent in the (first|third) quarter",
        "{firm} (buys|takes over) its rival from {town} for {num} million",
        "shares in {firm} lost {num} percent after a weak forecast",
        "{person} becomes chief executive of {firm}",
        "the price of (milk|copper|wheat) has risen {num} percent since {month}",
        "{firm} is hiring {big} people for a new warehouse near {town}",
        "staff at {firm} voted for a strike over pay",
        "orders at {firm} fell for the {nth} quarter in a row",
        "{firm} of {town} files for bankruptcy, {big} jobs at risk",
    ),
    "sport": (
        "{town} won (2-0|2-1|3-1|4-2) (away|at home) and moved up to second place",
        "striker {surname} is out for {num} weeks with a torn muscle",
        "{person} won the (marathon|river race) of {town} in record time",
        "the club from {town} sacked its coach after {num} defeats in a row",
        "{town} signed goalkeeper {surname} for (two|three) seasons",
        "a late goal by {surname} earned {town} a draw",
        "{person} reached the final of the tennis open in {town}",
        "rowers from {town} took {num} medals at the regatta on the {river}",
        "coach {surname} leaves {town} at the end of the season",
        "cyclist {surname} keeps the lead after stage {num}, {num} seconds ahead of the next rider",
    ),
    "culture": (
        "the museum in {town} shows {num} drawings by {person} that were thought lost",
        "{person} wins the {town} prize for a first novel",
        "the theatre in {town} opens the season with a play about a (mayor|banker|boxer)",
        "singer {person} ends the tour with a concert in {town}",
        "the film '{title}' was shot in {town} and has its premiere on {day}",
        "the {town} orchestra gets a new conductor, {person}",
        "a portrait by {person} went to the museum of {town} as a gift",
        "the novel '{title}' comes to the stage in {town}",
        "{num} bands play at the festival on the {river} (in {month}|this weekend)",
        "the author of '{title}', {person}, reads in {town} on {day}",
    ),
    "science": (
        "researchers (in|from) {town} found a (beetle|moss|snail) nobody had described before",
        "a telescope near {town} has spotted a planet {num} times the size of ours",
        "a study of {big} (children|nurses) links late meals to poor sleep",
        "a (vaccine|drug) against (ticks|hay fever) passed its first test on {num} patients",
        "bones from the bed of the {river} are {big} thousand years old, a study says",
        "scientists in {town} taught (crows|bees) to count to {num}",
        "the probe sent its first pictures of the comet, {num} years after launch",
        "a team around {person} grew skin in the laboratory",
        "old seeds found near {town} sprouted in the laboratory, researchers say",
        "a team of researchers measured how fast glaciers melted in {big} years",
    ),
    "crime": (
        "police in {town} arrested two men after a (robbery|burglary) in {street}",
        "thieves took {num} bicycles from a cellar in {street}",
        "{person}, {age}, was sentenced to {num} years for fraud",
        "police are looking for witnesses after a (fight|theft) at the stadium of {town}",
        "burglars broke into the museum of {town} and stole {num} coins",
        "a court in {town} cleared banker {surname} of fraud",
        "a man of {age} was caught with stolen (phones|paintings) near {town}",
        "the trial of the former treasurer of {firm} begins on {day}",
        "a woman of {age} lost {big} euros to thieves who posed as police",
        "the court sent a burglar from {town} to prison for {num} years",
    ),
    "weather": (
        "heavy rain brought the {river} to its highest level for {num} years",
        "frost down to minus {num} degrees is (likely|expected) around {town}",
        "a storm tore the roof off a (gym|school) in {town}",
        "the dry spell goes on: no rain in {town} for {num} weeks",
        "fog (kept|keeps) the airport of {town} closed until noon",
        "{num} centimetres of snow fell on {town} overnight",
        "sunshine and up to {warm} degrees for the weekend in {town}",
        "hail the size of cherries (fell on|hit) {town} on {day}",
        "after the storm a front brings rain and {warm} degrees to {town} on {day}",
        "{month} was the wettest for {num} years, with rain on {warm} days",
    ),
}
GRAMMAR = Grammar(
    {
        "town": TOWNS,
        "river": RIVERS,
        "street": STREETS,
        "surname": SURNAMES,
        "first": WOMEN + MEN,
        "person": ("{first} {surname}",),
        "firm": ("{surname} Steel", "{surname} Foods", "{surname} Bank", "{surname} & Sons",
                 "the brewery {surname}", "the shipyard {surname}"),
        "title": ("The (Last|Silent|Second) (Harbour|Minister|Goal)", "(Snow|Rain) over {town}",
                  "The (Thief|Mayor|Banker) of {town}"),
        "num": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"),
        "many": ("eight", "nine", "ten", "twelve"),
        "few": ("two", "three", "five", "six"),
        "nth": ("second", "third", "fourth"),
        "big": ("90", "120", "200", "350", "400", "600", "800"),
        "age": tuple(str(n) for n in range(19, 68, 3)),
        "warm": tuple(str(n) for n in range(18, 31)),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "month": ("January", "February", "April", "May", "July", "August", "November"),
        "head": ("", "", "", "", "{town}: ", "{town}, {day}: ", "in brief: ", "update: "),
        "tail": ("", "", "", "", " more on page {num}.", " our reporter is {person}.",
                 " an interview with the mayor on page {num}.",
                 " read also what the (club|council|court|bank) says.",
                 " photo: {person}, police of {town}.", " the council meets on {day}.",
                 " comment on page {num}."),
    }
)  # fmt: skip


@builtin_task(
    instruction="Which desk of the newspaper does this item belong to?",
    metric="accuracy",
    labels=tuple(CORES),
)
def news_desk(rng: random.Random) -> Example:
    """Short news items of invented towns to one of seven desks."""
    desk = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[desk])
    return kind(GRAMMAR.write(rng, f"{{head}}{core}.{{tail}}"), desk)
