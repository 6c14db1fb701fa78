"""Baselines of a task: what methods without a language model score with the task's own metric.

`python -m manyicl.evaluation.baselines` measures the built-in tasks whose rows are not those of
manyicl/tasks/builtin/baselines.yaml and writes that file anew (`--all`: every task). It needs
scikit-learn, which comes with `pip install 'manyicl[dev]'`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from manyicl.episodes.select import Pool
from manyicl.errors import ManyICLError
from manyicl.evaluation.match import token_f1
from manyicl.evaluation.metrics import score_predictions
from manyicl.files import write_whole
from manyicl.tasks import Example, Task
from manyicl.tasks.builtin import builtin_tasks
from manyicl.tasks.builtin.baselines import (
    DIGITS,
    NUM_FIT,
    NUM_QUERIES,
    RECORDED,
    Baselines,
    as_yaml,
    recorded_baselines,
    rows_digest,
)

NUM_NEIGHBOURS, NUM_FEW = 64, 32  # train rows among which the nearest one is looked for
NUM_POOLS = 5  # sets of so many rows, one after the other: one set alone is a matter of luck
NUM_CONSTANTS, NUM_TRIED = 50, 100  # answers tried as the constant one, rows they are tried on
INVERSE_REGULARISATION = 10.0


def measure(task: Task) -> Baselines:
    """Measure all baselines of a task on its first 200 test rows; reads its first 500 train rows.

    Raises `ManyICLError` for a closed-label task where scikit-learn is not installed.
    """
    train, queries = task.train[:NUM_FIT], task.test[:NUM_QUERIES]
    inputs = [example.input for example in (*train, *queries)]
    return Baselines(
        rows=rows_digest(task),
        input_words=round(mean(len(text.split()) for text in inputs), 1),
        majority=_score(task, majority(task, train, queries), queries),
        nearest_bm25=_mean_nearest(task, train, queries, NUM_NEIGHBOURS),
        nearest_bm25_32=_mean_nearest(task, train, queries, NUM_FEW),
        tfidf_logistic=(
            _score(task, tfidf_logistic(train, queries), queries) if task.labels else None
        ),
    )


def majority(task: Task, train: Sequence[Example], queries: Sequence[Example]) -> list[str]:
    """Answer every query alike, with what does best on train rows.

    That is the most frequent label, and the answer of highest mean score where answers are texts
    (of the 50 most frequent ones, on 100 rows). With options it is the most frequent place.
    """
    if task.kind == "multiple_choice":
        place = Counter(e.options.index(e.target) for e in train).most_common(1)[0][0]
        return [e.options[min(place, len(e.options) - 1)] for e in queries]
    counts = Counter(example.target for example in train)
    best = counts.most_common(1)[0][0]
    if task.kind == "generation" and counts[best] < len(train):
        tried = train[:NUM_TRIED]
        best = max(
            (answer for answer, _ in counts.most_common(NUM_CONSTANTS)),
            key=lambda answer: (
                score_predictions(task.metric, [answer] * len(tried), tried).mean,
                counts[answer],
            ),
        )
    return [best] * len(queries)


def tfidf_logistic(train: Sequence[Example], queries: Sequence[Example]) -> list[str]:
    """Fit a logistic regression on the TF-IDF of single words and word pairs, and predict."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ManyICLError(
            "the TF-IDF baseline needs scikit-learn, which is not installed: "
            "pip install 'manyicl[dev]'."
        ) from None
    targets = [example.target for example in train]
    if len(set(targets)) == 1:
        return targets[:1] * len(queries)
    vectors = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", sublinear_tf=True)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
    model.fit(vectors.fit_transform([example.input for example in train]), targets)
    return list(model.predict(vectors.transform([example.input for example in queries])))


def nearest_bm25(task: Task, train: Sequence[Example], queries: Sequence[Example]) -> list[str]:
    """Copy the answer of the most similar train row (BM25; the first of equal ones).

    Among options it is the one that shares most words with that answer; the first where none does.
    """
    pool = Pool(replace(task, load=lambda split: list(train)))
    found = []
    for query in queries:
        answer = pool.examples[pool.by_similarity(query.input)[0]].target
        if task.kind == "multiple_choice":
            answer = max(query.options, key=lambda option: token_f1(option, answer))
        found.append(answer)
    return found


def _mean_nearest(
    task: Task, train: Sequence[Example], queries: Sequence[Example], size: int
) -> float:
    """Return the mean score of `nearest_bm25` over the first five sets of `size` train rows."""
    pools = [train[i : i + size] for i in range(0, min(len(train), NUM_POOLS * size), size)]
    return _rounded(
        mean(_score(task, nearest_bm25(task, pool, queries), queries) for pool in pools)
    )


def _score(task: Task, predictions: Sequence[str], queries: Sequence[Example]) -> float:
    return _rounded(score_predictions(task.metric, predictions, queries, task.labels).mean)


def _rounded(score: float) -> float:
    return round(float(score), DIGITS)


def main() -> None:
    """Renew baselines.yaml; lines of tasks that are gone are left out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--all", action="store_true", help="measure tasks of unchanged rows too")
    measure_all = parser.parse_args().all
    # A file of other methods cannot be read: --all starts without it.
    before = {} if measure_all or not RECORDED.exists() else recorded_baselines()
    found: dict[str, Baselines] = {}
    for task in builtin_tasks():
        old = before.get(task.name)
        if old and old.rows == rows_digest(task):
            found[task.name] = old
            continue
        found[task.name] = measure(task)
        print(task.name, found[task.name].scores())
    write_whole(RECORDED, as_yaml(found))
    print(f"{RECORDED}: {len(found)} tasks")


if __name__ == "__main__":
    main()
