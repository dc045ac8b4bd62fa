"""Turns rounds of figures into tables of Markdown, judges goals, and puts tables into READMEs."""

import math
import re
import statistics

from declaration import CompareError, refuse

QUARTILES_FROM = 8  # rounds; fewer show the lowest and the highest
FAULTS = ("lost", "disordered", "wrong")


def short(value):
    """Three digits; more would be noise."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value, other):
    """value / other, also of counters that are 0."""
    if other == 0:
        return 1.0 if value == 0 else math.inf
    return value / other


def spread(values):
    """Median, low end and high end."""
    if len(values) >= QUARTILES_FROM:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    else:
        low, high = min(values), max(values)
    return statistics.median(values), low, high


def spread_text(values, unit=""):
    median, low, high = spread(values)
    return f"{short(median)}{unit} ({short(low)}–{short(high)})"


class Figures:
    """The rounds of a comparison, asked by cell."""

    def __init__(self, rounds):
        self.rounds = rounds

    def values(self, cell, metric):
        """A value a round, or None where the cell was not measured. A cell with a counter has no other metric."""
        samples = [round_.get(cell.text) for round_ in self.rounds] if cell else [None]
        if any(sample is None for sample in samples):
            return None
        if cell.counter:
            if any(cell.counter not in sample["counters"] for sample in samples):
                refuse(cell.text, f"the counter {cell.counter}", ", ".join(samples[0]["counters"]) or "none")
            return [sample["counters"][cell.counter] * cell.scale for sample in samples]
        if metric not in samples[0]:
            refuse(cell.text, "a unit of time per item, or items per second", "another one",
                   f"say {cell.text}#value to show the number as it is")
        return [sample[metric] for sample in samples]

    def faults(self, cell):
        """What a benchmark found wrong in all rounds together: {fault: count}."""
        samples = [round_[cell.text] for round_ in self.rounds if cell and cell.text in round_]
        sums = {fault: sum(sample["counters"].get(fault, 0) for sample in samples) for fault in FAULTS}
        return {fault: int(count) for fault, count in sums.items() if count}


class Report:
    """One table with its goals."""

    def __init__(self, table, figures):
        self.table, self.figures = table, figures
        self.other_metric = "cpu" if table.metric == "wall" else "wall"
        self.notes = []

    def values(self, row, column, metric=None):
        return self.figures.values(self.table.cell(row, column), metric or self.table.metric_of(column))

    def cell_text(self, row, column):
        values = self.values(row, column)
        if values is None:
            return "–" if self.table.cell(row, column) is None else "not run"
        text = spread_text(values)
        if not self.table.cell(row, column).counter and column not in self.table.times:
            text += f", {self.other_metric} {short(statistics.median(self.values(row, column, self.other_metric)))}"
        base = self.values(self.table.base, column)
        if row != self.table.base and base is not None:
            text += f", {short(statistics.median(map(ratio, values, base)))}x"
        return text + self.fault_mark(row, column)

    def fault_mark(self, row, column):
        faults = self.figures.faults(self.table.cell(row, column))
        if not faults:
            return ""
        what = ", ".join(f"{count} {fault}" for fault, count in faults.items())
        if row in self.table.ours:
            raise CompareError(f"{self.table.name}, {row}, {column}: expected every item once and in order, found {what}")
        self.notes.append(f"{row}, {column}: {what}")
        return " †"

    def lines(self):
        titles = list(self.table.columns)
        yield f"| {self.table.item} | " + " | ".join(titles) + " |"
        yield "|---" * (len(titles) + 1) + "|"
        for row in self.table.rows:
            yield f"| {row} | " + " | ".join(self.cell_text(row, column) for column in titles) + " |"
        if self.notes:
            yield ""
            yield "† Items lost, out of their producer's order, or wrong, in all rounds: " + "; ".join(self.notes) + "."
        if self.table.goals:
            yield ""
            yield "| goal | measured | |"
            yield "|---|---|---|"
            for goal in self.table.goals:
                yield f"| {goal.row}, {goal.column}: {goal.text} | " + " | ".join(self.verdict(goal)) + " |"

    def verdict(self, goal):
        """What was measured, and whether the goal is met."""
        if goal.column in self.table.left_out:
            return "–", f"needs {self.table.left_out[goal.column]} processors"
        values = self.values(goal.row, goal.column, goal.metric)
        if values is None:
            return "–", "not run"
        if goal.others is None:
            unit = "" if self.table.cell(goal.row, goal.column).counter else " ns"
            held = [goal.holds(value, goal.number) for value in values]
            return spread_text(values, unit), met(goal.holds(statistics.median(values), goal.number), held)
        others = {name: self.values(name, goal.column, goal.metric) for name in goal.others}
        others = {name: found for name, found in others.items() if found is not None}
        missing = [name for name in goal.others if name not in others and self.table.cell(name, goal.column) is not None]
        if not others:
            return "–", "not run"
        choose = min if goal.operator.startswith("<") else max
        nearest = choose(others, key=lambda name: statistics.median(others[name]))
        rivals = [choose(round_) for round_ in zip(*others.values())]
        ratios = list(map(ratio, values, rivals))
        limits = [goal.number + (goal.extra and ratio(goal.extra, rival)) for rival in rivals]
        held = [goal.holds(ratio, limit) for ratio, limit in zip(ratios, limits)]
        measured = f"{spread_text(ratios, 'x')} of {nearest}" + (f"; without {', '.join(missing)}" if missing else "")
        return measured, met(goal.holds(statistics.median(ratios), statistics.median(limits)), held)


def met(verdict, held):
    """In bold what is missed; with the count of rounds where they do not agree."""
    text = "met" if verdict else "**missed**"
    return text if len(set(held)) == 1 else f"{text} (holds in {sum(held)} of {len(held)} rounds)"


def block(table, figures, provenance):
    """What stands between the markers."""
    return "\n".join([*Report(table, figures).lines(), "", provenance])


def splice(text, name, content, where):
    """Puts `content` between the markers of `name`, or at the end of the section Costs where there are none yet."""
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    if text.count(begin) > 1 or text.count(begin) != text.count(end) or text.find(begin) > text.find(end):
        refuse(where, f"one {begin} and one {end} behind it", f"{text.count(begin)} and {text.count(end)}")
    marked = f"{begin}\n{content}\n{end}"
    if begin in text:
        head, _, rest = text.partition(begin)
        return head + marked + rest.partition(end)[2]
    costs = re.search(r"^##\s+(?:\d+\s+)?Costs\s*$", text, re.MULTILINE)
    if not costs:
        refuse(where, f"the markers {begin} and {end}, or a section Costs", "neither")
    following = re.search(r"^## ", text[costs.end():], re.MULTILINE)
    place = costs.end() + following.start() if following else len(text)
    return f"{text[:place].rstrip()}\n\n{marked}\n" + (f"\n{text[place:]}" if following else "")
