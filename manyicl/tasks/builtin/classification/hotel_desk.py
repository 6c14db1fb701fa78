"""Messages of hotel guests: twenty requests, and the department that sees to each."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, dict[str, tuple[str, ...]]] = {
    "front desk": {
        "late checkout": (
            "(can|could|may) we (keep|stay in) the room until {hour} (on {day}|tomorrow)?",
            "our (train|bus|flight) only leaves at {hour}, may we stay a (little|bit) longer?",
            "is it (possible|okay) to hand in the key after (lunch|{hour})?",
            "what (do you charge|does it cost) if we leave at {hour} instead of eleven?",
            "we (would like|want) to sleep in on (our last day|{day}) and go at {hour}",
        ),
        "early arrival": (
            "we (land|get in) at (six|seven) in the morning, will the room be ready?",
            "can I (get|pick up) the key before (noon|eleven) on {day}?",
            "our (bus|train|ferry) gets in (very early|before nine), may we move in right away?",
            "is there (any|a) chance to have the room (earlier|sooner) than three on {day}?",
            "I will be (at your door|with you) long before check-in time on {day}",
        ),
        "change of booking": (
            "we need the room (one night|two nights) (longer|more)",
            "please move (my|our) stay (from {day} to {day}|to next month)",
            "a (friend|cousin) is (joining us|coming too), can we have three beds instead of two?",
            "(I have|we have) to cancel (the second room|{day} night)",
            "can you put the reservation under my (wife's|brother's|boss's) name?",
        ),
        "bill": (
            "why (was I|were we) charged for the minibar? we did not (touch|open) it",
            "could the (company name|tax number) be put on the invoice?",
            "please (send|mail) me the receipt for our stay in {month}",
            "we were asked to pay (the parking|for {day}) twice",
            "can I pay (half|a part) in cash and the rest by card?",
        ),
    },
    "housekeeping": {
        "supplies": (
            "there is (only one|just one) towel for the (two|three) of us",
            "could someone bring (another|one more) (pillow|glass|bathrobe)?",
            "we have (run out of|no more) (soap|shampoo|paper)",
            "it was cold (last night|on {day}), is there a second blanket?",
            "the (coffee|tea|sugar) in the room was not filled up (today|on {day})",
        ),
        "cleaning time": (
            "please do not come in to (clean|tidy) before {hour}",
            "nobody has made the beds (today|since {day})",
            "we will be out from {hour} (on {day}|), the room can be done then",
            "there is (sand|glass|confetti) all over the floor, could it be swept?",
            "no need to (make up|do) the room (tomorrow|on {day})",
        ),
        "lost property": (
            "I think I left my {thing} (under the bed|in the wardrobe)",
            "has anyone (handed in|found) a {thing}?",
            "we have unpacked (everything|by now) and my {thing} is not in the suitcase",
            "my {thing} must still be (in the bathroom|on the chair)",
            "could you ask if a {thing} (turned up|was found) (by the pool|upstairs) on {day}?",
        ),
        "laundry": (
            "how long does it take to have (two|three|four) shirts washed?",
            "I (spilled|got) (coffee|wine|sauce) on my suit, can it be cleaned by {day}?",
            "is there an iron (I could use|in the house)?",
            "the bag with our (dirty|worn) clothes has not come back (yet|since {day})",
            "what does it cost to have a (dress|jacket|pair of trousers) pressed?",
        ),
    },
    "kitchen": {
        "room service": (
            "could we get two (soups|burgers) and a salad brought up?",
            "is it too late to (have something to eat|order food) in the room?",
            "the (sandwich|pasta|pizza) we (ordered|asked for) at {hour} has not come",
            "please send up a (pot of tea|bottle of water) and some (biscuits|fruit)",
            "can someone take the (dirty|empty) plates (away|out of our room)?",
        ),
        "breakfast": (
            "from what time can we eat in the morning (on {day}|tomorrow)?",
            "is the (morning|) buffet part of the price?",
            "we leave at (five|six), could you pack us some (rolls|bread) and fruit?",
            "where do we go for (coffee|porridge|toast) and eggs (tomorrow|on {day})?",
            "until when is the (morning|) buffet open on {day}?",
        ),
        "diet": (
            "my (son|daughter) must not eat (nuts|eggs), is that a problem (on {day}|)?",
            "what can you offer without (milk|butter) or eggs?",
            "are there any dishes without (meat|pork) (on the menu|for us)?",
            "I get ill from (wheat|rye), which bread can I have?",
            "please tell the cook that my (husband|mother) cannot have (fish|garlic)",
        ),
        "table": (
            "is there a place for (five|seven|nine) of us (on the terrace|inside) at {hour}?",
            "we would (like|love) to dine at the restaurant on {day}",
            "could we sit by the (window|fire) (tonight|on {day})?",
            "please make it (eight|ten) people instead of six for dinner (on {day}|tonight)",
            "do we need to book for (dinner|the evening meal) on {day}?",
        ),
    },
    "engineering": {
        "heating": (
            "it is (freezing|so cold) in here and the (radiator|heater) (stays cold|does nothing)",
            "the (cooling|air conditioning) blows hot air (since {day}|)",
            "how do I turn the temperature (down|up)?",
            "we cannot (switch|turn) the fan off at night",
            "it is (thirty|twenty-nine) degrees in our room (at {hour}|)",
        ),
        "water": (
            "the (shower|tap) only runs cold (since {day}|)",
            "the (sink|bath) does not drain",
            "something is dripping from the ceiling (of the bathroom|over the bed)",
            "the toilet (keeps running|gurgles) all night",
            "there is hardly any pressure (in the shower|after {hour})",
        ),
        "screen and internet": (
            "what is the password for the (wireless|guest) network?",
            "the (picture|film) keeps freezing on every channel",
            "my (laptop|phone) drops the connection every (few|five) minutes",
            "the remote does nothing, even with (new|fresh) batteries",
            "I have a video call (at {hour}|on {day}) and the signal is far too weak",
        ),
        "door and light": (
            "my card does not open the door (any more|since {hour})",
            "the lamp (by the bed|over the desk) (flickers|buzzes)",
            "we cannot (lock|shut) the (balcony|bathroom door)",
            "the safe (beeps|blinks) and stays shut",
            "(half|two) of the sockets (are dead|do not work)",
        ),
    },
    "concierge": {
        "taxi": (
            "we need a ride to the (airport|station|port) at {hour} (on {day}|)",
            "what will it cost to be driven to the (station|lake|trade fair)?",
            "could a car for (six|five) people pick us up at {hour}?",
            "the driver you called (for {hour}|) has not turned up",
            "is there a shuttle to the (fair|airport|beach) on {day}?",
        ),
        "sights": (
            "what can we do with (two|three) children when it rains (on {day}|)?",
            "is the old (castle|harbour|abbey) worth (a day|seeing)?",
            "which (museum|garden|market) would you send us to on {day}?",
            "where is the (nicest|best) view over the (town|bay)?",
            "are there (guided|free) walks in English on {day}?",
        ),
        "tickets": (
            "is the (match|race) on {day} sold out?",
            "could you get us (two|three) seats for the (opera|ballet|concert) on {day}?",
            "where do I pick up the passes for the (festival|match)?",
            "we would like to see the (musical|play), the cheapest seats are fine",
            "can you (book|reserve) the boat tour at {hour} for (four|two)?",
        ),
        "luggage": (
            "where can we leave our (suitcases|rucksacks) until (the evening|{hour})?",
            "(someone please carry|we need help with) our bags (down|) at {hour}",
            "my suitcase is arriving by courier on {day}, can you take it in?",
            "could you keep a (box|case|pair of skis) for me until {month}?",
            "we are back from the (beach|trip) and would like our bags from the store",
        ),
    },
}
DEPARTMENT = {request: team for team, requests in CORES.items() for request in requests}
TEMPLATES = {request: cores for requests in CORES.values() for request, cores in requests.items()}
GRAMMAR = Grammar(
    {
        "hour": ("noon", "one", "two", "four", "half past four", "five", "seven", "half past nine"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "month": ("March", "May", "August", "October"),
        "thing": ("grey scarf", "phone charger", "pair of glasses", "book", "silver ring",
                  "child's bear", "swimsuit", "watch"),
        "start": ("hello, ", "hi, ", "good evening, ", "sorry to bother you, ", "", "", "",
                  "room {room}: ", "room {room} here, ", "it is {name} from {room}, ",
                  "{name} here, room {room}, ", "message from {name}, room {room}: ",
                  "hello, I am in {room} {party}: ", "we are in {room} {party}, "),
        "party": ("with two small children", "for the trade fair", "for a wedding", "until {day}",
                  "since {day}", "with my mother", "for the first time", "with a group of ten"),
        "room": tuple(str(floor * 100 + door) for floor in range(1, 6) for door in range(1, 25)),
        "name": tuple(f"{title} {name}" for title in ("Ms", "Mr") for name in SURNAMES),
        "end": ("", "", ". thanks", ". thank you very much", ". best, {name}",
                ". kind regards, {name}", ". you can call me in room {room}",
                ". please ask for {name}",
                ". we are here until {day}"),
    }
)  # fmt: skip


def _message(rng: random.Random) -> tuple[str, str, type[Example]]:
    request = rng.choice(tuple(TEMPLATES))
    core, kind = draw_cue(rng, TEMPLATES[request])
    room, name = (rng.choice(GRAMMAR.rules[symbol]) for symbol in ("room", "name"))
    text = GRAMMAR.write(rng, f"{{start}}{core}{{end}}", room=room, name=name).replace("?.", "?")
    return text if text.endswith("?") else f"{text}.", request, kind


@builtin_task(
    instruction="What does the guest want? Name the kind of request.",
    metric="accuracy",
    labels=tuple(TEMPLATES),
)
def hotel_request(rng: random.Random) -> Example:
    """Messages of hotel guests to one of twenty kinds of request."""
    text, request, kind = _message(rng)
    return kind(text, request)


@builtin_task(
    instruction="Which department of the hotel answers this message?",
    metric="accuracy",
    labels=tuple(CORES),
)
def hotel_department(rng: random.Random) -> Example:
    """Messages of hotel guests to one of five departments, each with four unlike requests."""
    text, request, kind = _message(rng)
    return kind(text, DEPARTMENT[request])
