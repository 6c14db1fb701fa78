"""Tickets to the IT helpdesk of a company. All of them speak of laptops, Mondays and passwords."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.people import SURNAMES
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES: dict[str, tuple[str, ...]] = {
    "printing": (
        "the printer (on floor {n}|in {room}) leaves a black stripe on every page",
        "my {file} has been stuck in the print queue since {hour}",
        "it says (out of toner|paper jam) but the tray is full and I took (all|the) paper out",
        "I can only print in black and white (since {day}|)",
        "the scanner (on floor {n}|in {room}) sends {n} empty pages",
        "each page of my {file} comes out twice",
        "no ink left in the big machine on floor {n}, who orders it?",
        "the copies of the {file} come out pale",
        "I sent the {file} to the machine in {room} and someone else took it home",
        "how do I print my {file} on both sides?",
        "the tray jams whenever I print or scan a {file}",
    ),
    "email": (
        "my mailbox is full, I cannot send (anything|my {file})",
        "mails to {customer} come back (with an error|) since {day}",
        "I cannot open the {file} somebody attached to a mail",
        "the shared mailbox of {team} is gone from my list",
        "the {file} is too big for a mail to {customer}",
        "invitations from {customer} land in the junk folder",
        "I cannot find the message from {surname} of {day}, not even in the trash",
        "please put me on the mailing list of {team}",
        "my out-of-office reply is still (on|going out), I am back since {day}",
        "{customer} wants me to click a link in a mail, is that genuine?",
        "I sent a mail with the {file} to the wrong person, can you call it back?",
    ),
    "network": (
        "no wifi in {room} (since {day}|)",
        "the connection from home drops every {n} minutes",
        "the shared drive of {team} is not reachable (from {room}|from home)",
        "the cable socket (at my new desk|in {room}) is dead, no internet",
        "(films|calls over the internet) stutter in {room} (after {hour}|)",
        "my laptop finds the guest wifi, but not ours",
        "from home I see my mail, but no drive and no intranet",
        "pages load very slowly on floor {n} (after {hour}|)",
        "the tunnel to the office connects, but I cannot reach the (drive|server) (of {team}|)",
        "visitors (in {room}|from {customer}) cannot get into the guest wifi",
        "the wifi on floor {n} is so slow that the connection drops",
    ),
    "accounts": (
        "my password ran out (on {day}|while I was away) and I am locked out",
        "the new colleague {surname} needs an account (from {day}|by {day})",
        "I have no rights for the folder of {team}",
        "please remove the account of {surname}, who left (on {day}|us)",
        "my name is {surname} now, please change the sign-in",
        "I moved from the warehouse to {team} and still see the old folders",
        "somebody tried to sign in as me at {hour}",
        "I got a new phone and the sign-in code goes to the old one",
        "{surname} of {team} should have the same rights as me",
        "locked out after {n} wrong tries, please reset it",
        "I am locked out and need a new password before {hour}",
    ),
    "devices": (
        "my laptop does not charge (any more|unless I hold the plug)",
        "the left half of my monitor is (dark|green) (since {day}|)",
        "I spilled tea on the keyboard, (two|five) keys stick",
        "the fan of my laptop is as loud as a hairdryer (after {hour}|)",
        "the battery lasts {n} minutes without the cable",
        "please bring a docking station for {surname} to {room}",
        "my headphones and my mouse do not find the laptop",
        "may I have a second monitor (in {room}|for working from home)?",
        "the mouse (jumps|clicks twice), new batteries did not help",
        "my laptop fell off the desk, the (lid|screen) has a crack",
        "the screen of my laptop stays dark, the keyboard lights up",
    ),
    "programs": (
        "I need (the drawing program|a licence for the editor) for a project with {customer}",
        "the spreadsheet closes by itself when I open the {file}",
        "the {file} looks different in the old version than in the new one",
        "the login window of the {vendor} tool stays white",
        "how do I put two {file} files together in the editor?",
        "since the update (on {day}|) the menu is in another language",
        "the invoice program says my licence has ended",
        "please install the {vendor} program on my laptop",
        "a formula in the {file} shows an error since the new version",
        "the time sheet program does not save what I (enter|type) for {team}",
        "the update of the {vendor} program asks for a licence",
    ),
    "phones": (
        "callers from {customer} cannot hear me on the desk phone",
        "calls for {surname} ring (at my desk|on my phone) since {day}",
        "please forward my calls to {surname} until {day}",
        "my headset crackles during calls",
        "I am {surname}, but others see my old number when I ring them",
        "can I have the number of {surname}, who has left?",
        "the display of the desk phone in {room} is blank",
        "no dial tone in {room} (since {hour}|)",
        "the voicemail still has the voice of {surname}",
        "my work mobile says there is no SIM in it",
        "callers for {team} only get the voicemail, the phone never rings",
    ),
    "meeting rooms": (
        "the projector in {room} shows everything in pink",
        "the camera in {room} films the ceiling, {customer} laughed at us",
        "{room} is booked by {surname} every {day}, but nobody sits there",
        "the cable for the big screen in {room} has disappeared",
        "we sat in {room} at {hour}, but the booking says {surname}",
        "who takes the laptop and the mouse out of {room} each {day}?",
        "please add {room} to the calendar, I cannot reserve it",
        "nobody far away hears us through the microphone in {room}",
        "how do I show my {file} on the big screen in {room}?",
        "the panel at the door of {room} says booked all day",
        "the projector and the big screen in {room} stay dark",
    ),
}
GRAMMAR = Grammar(
    {
        "surname": SURNAMES,
        "n": ("2", "3", "4", "5", "6"),
        "room": ("room {n}0{n}", "room {n}1{n}", "the Oak room", "the Lake room", "the canteen",
                 "the lobby"),
        "team": ("sales", "the legal team", "purchasing", "the lab", "marketing", "payroll"),
        "customer": ("a customer", "our bank", "the auditors", "{surname} Ltd", "the city"),
        "vendor": ("tax", "map", "translation", "project", "video"),
        "file": ("offer", "contract", "report", "slide deck", "price list", "floor plan",
                 "timesheet"),
        "hour": ("8.15", "9.30", "10.45", "noon", "2.20", "4.10"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
        "open": ("", "", "hello, ", "hi, {surname} from {team}: ", "urgent: ",
                 "{team}, floor {n}: ", "I am in {room} until {hour}. ",
                 "I restarted the laptop {n} times. ",
                 "from {room}, {hour}: ", "{surname} here again, {team}. ",
                 "{surname} here, {team}. ", "ticket {n}{n}1{n} again: "),
        "close": ("", "", " thanks, {surname}.", " my password is up to date.",
                  " I have a meeting with {customer} at {hour}.",
                  " need it for the {file}, by {day}.", " {surname} printed it for me.",
                  " my phone: {n}{n}{n}0.", " please call me, I cannot read mail today.",
                  " I work from home on {day}.", " {surname} has it too."),
    }
)  # fmt: skip


@builtin_task(
    instruction="Which queue of the IT helpdesk takes this ticket?",
    metric="accuracy",
    labels=tuple(CORES),
)
def helpdesk_queue(rng: random.Random) -> Example:
    """Tickets of office workers to one of eight queues of the IT helpdesk."""
    queue = rng.choice(tuple(CORES))
    core, kind = draw_cue(rng, CORES[queue])
    stop = "" if core.endswith("?") else "."
    return kind(GRAMMAR.write(rng, f"{{open}}{core}{stop}{{close}}"), queue)
