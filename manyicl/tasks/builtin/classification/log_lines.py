"""Log lines of invented services. 'Limit', 'failed' and 'denied' occur for several faults."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import clock
from manyicl.tasks.builtin.registry import builtin_task, draw_cue
from manyicl.tasks.task import Example

CORES = {
    "storage": (
        "write to {dir}/{file} failed: {left} bytes left on device",
        "volume {dir} is {percent}% full, upload of {file} denied",
        "cannot rotate {file}: file system is read-only",
        "checksum of block {big} in {dir} does not match",
        "snapshot of {dir} stopped: needs {big} MB, {left} MB free",
        "quota of {dir} reached, {file} was not saved",
        "sync of {file} took {big} ms, device queue is full",
    ),
    "network": (
        "no answer from {host} within {wait} s, retry {left}",
        "connection to {host} was reset by peer(, {file} was not sent|)",
        "name {host} could not be resolved",
        "{percent}% of packets to {host} lost in the last {wait} s",
        "handshake with {host} failed, (retry {left}|limit of retries reached)",
        "no route to {host} from {service}",
        "link to {host} down for {wait} s, {left} messages waiting",
    ),
    "access": (
        "token of {user} ran out {wait} s ago, request {id} denied",
        "{user} may not read {dir}/{file}",
        "{left} wrong passwords for {user} from {host}, limit reached",
        "signature of request {id} from {host} is not accepted",
        "role of {user} does not cover '{verb}' on {dir}",
        "certificate of {user} is unknown to {service}, call refused",
        "session {id} of {user} closed: signed in from {host} too",
    ),
    "memory": (
        "heap still at {percent}% after a collection of {wait} s",
        "allocation of {big} MB failed in worker {left}",
        "swap in use: {percent}%, {service} slows down",
        "cache dropped {big} entries, limit of {size} MB reached",
        "worker {left} restarted: {big} MB resident, {size} MB allowed",
        "worker {left} killed by the kernel at {big} MB",
        "request {id} denied, buffer pool of {size} MB is full",
    ),
    "settings": (
        "variable {key} is not set, {service} uses {left}",
        "value of {key} is not a number: '{word}'",
        "port {big} is given twice in {file}",
        "unknown key '{key}' in {file}, line {left}",
        "{key}={left} is above the allowed limit of {wait}",
        "{file} failed to parse, ':' expected in line {left}",
        "{key} was renamed in version {wait}, {file} still has the old name",
    ),
}
GRAMMAR = Grammar(
    {
        "service": tuple(
            f"{a}-{b}"
            for a in ("orders", "billing", "search", "mail", "stock", "report", "image", "user")
            for b in ("api", "worker", "sync", "web")
        ),
        "host": ("db-{n}.internal", "cache-{n}", "10.2.{n}.{n}", "gateway-{n}", "mail-{n}.local"),
        "n": tuple(str(n) for n in range(2, 40)),
        "dir": ("/data/{area}", "/var/lib/{area}", "/mnt/{area}", "/srv/{area}"),
        "area": ("orders", "images", "backup", "reports", "queue", "users"),
        "file": ("{area}.db", "{area}-{n}.log", "{area}.yaml", "batch-{n}.csv", "{area}.conf"),
        "user": ("svc-{area}", "deploy", "j.meyer", "k.ito", "p.shah", "r.novak", "admin", "guest"),
        "verb": ("delete", "list", "write", "share"),
        "key": ("max_{area}", "{area}_timeout", "retry_limit", "pool_size", "{area}_quota"),
        "word": ("ten", "auto", "none", "5s", "1,5"),
        "left": tuple(str(n) for n in range(2, 31)),
        "wait": tuple(str(n) for n in (5, 10, 15, 20, 30, 45, 60, 90)),
        "percent": tuple(str(n) for n in range(87, 100)),
        "big": tuple(str(n) for n in range(2051, 9000, 37)),
        "size": ("512", "1024", "2048"),
        "id": tuple(f"{n:05x}" for n in range(40000, 900000, 7919)),
        "level": ("WARN", "ERROR", "ERROR", "INFO"),
    }
)  # fmt: skip


@builtin_task(
    instruction="Name the kind of fault behind this log line.",
    metric="accuracy",
    labels=tuple(CORES),
)
def log_fault(rng: random.Random) -> Example:
    """Log lines of services to one of five kinds of fault."""
    fault = rng.choice(tuple(CORES))
    time = f"{clock(rng.randrange(1440))}:{rng.randrange(60):02d}"
    head = GRAMMAR.expand(rng, "{time} {service} {level}: ", time=time)
    core, kind = draw_cue(rng, CORES[fault])
    return kind(head + GRAMMAR.expand(rng, core).rstrip(), fault)
