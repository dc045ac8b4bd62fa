"""Reads what a package wants to be measured: PACKAGE/benchmarks.json. docs/benchmarks.md describes the format."""

import difflib
import json
import re

GOAL = re.compile(r"(?:(?P<metric>wall|cpu) )?(?P<operator><=|<|>=|>) (?P<number>\d+(?:\.\d+)?)"
                  r"(?:x of (?P<others>.+?)(?: \+ (?P<extra>\d+(?:\.\d+)?) ns)?|(?P<unit> ns)?)")
EVERY_RIVAL = "every rival"
METRICS = ("wall", "cpu")
TABLE_KEYS = {"item", "base", "ours", "metric", "columns", "rows", "goals", "readme"}


class CompareError(Exception):
    """Something that the user can put right; the message says how."""


def refuse(where, expected, found, advice=""):
    raise CompareError(f"{where}: expected {expected}, found {found}" + (f"; {advice}" if advice else ""))


def closest(name, names):
    """Advice: the names that look like this one."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return "did you mean " + " or ".join(near) + "?" if near else ""


class Cell:
    """Where one figure comes from: a benchmark of ours, BM_..., or PEER:GROUP/NAME/THREADS.

    CONFIG:BM_... is a benchmark of ours in a program that is built with --config=CONFIG too. After a '#' stands the
    counter that is the figure, and after a '*' what it is multiplied by.
    """

    def __init__(self, text):
        self.text, _, counter = text.partition("#")
        self.counter, _, scale = counter.partition("*")
        self.scale = float(scale or 1)
        self.peer, self.config, self.name = None, None, self.text
        if self.text.startswith("BM_"):
            return
        origin, colon, self.name = self.text.partition(":")
        if not colon or not self.name:
            raise ValueError(text)
        if self.name.startswith("BM_"):
            self.config = origin
        else:
            self.peer = origin


class Goal:
    """What one cell should be, in words that are parsed: '<= 1.2x of plain array', 'cpu <= 10 ns'."""

    def __init__(self, where, row, column, text, table):
        self.row, self.column, self.text = row, column, text
        match = GOAL.fullmatch(text)
        if not match:
            refuse(where, "a goal such as '<= 1.2x of NAME', '< 1x of every rival', 'cpu <= 10 ns' or '>= 3'", repr(text))
        self.metric = match["metric"] or table.metric_of(column)
        self.operator = match["operator"]
        self.number = float(match["number"])
        self.extra = float(match["extra"] or 0)
        self.others = None
        if match["others"] == EVERY_RIVAL:
            self.others = [name for name in table.rows if name not in table.ours]
        elif match["others"] in table.rows:
            self.others = [match["others"]]  # its name may have a comma
        elif match["others"]:
            self.others = match["others"].split(", ")
        for name in [row] + (self.others or []):
            if name not in table.rows:
                refuse(where, "the name of a row", repr(name), closest(name, table.rows))
        if column not in table.columns:
            refuse(where, "the title of a column", repr(column), closest(column, table.columns))
        if table.cell(row, column) is None:
            refuse(where, "a goal for a cell that is measured", f"none at {row}, {column}")

    def holds(self, value, limit):
        return {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[self.operator]


class Table:
    """One table of a README: rows of subjects, columns of shapes."""

    def __init__(self, where, package, name, values):
        self.package, self.name = package, name
        if not isinstance(values, dict) or not TABLE_KEYS.issuperset(values) or not values.get("columns"):
            refuse(where, "an object with " + ", ".join(sorted(TABLE_KEYS)),
                   ", ".join(values) if isinstance(values, dict) else repr(values))
        self.columns, self.times, self.processors = self.read_columns(where, values["columns"])
        self.left_out = {}
        self.rows = values.get("rows", {})
        self.item = values.get("item", "item")
        self.metric = values.get("metric", "wall")
        self.readme = values.get("readme", f"{package}/README.md")
        self.base = values.get("base")
        if self.base not in self.rows:
            refuse(where, "base to be the name of a row", repr(self.base), closest(str(self.base), self.rows))
        self.ours = values.get("ours", [self.base])
        for name in self.ours:
            if name not in self.rows:
                refuse(where, "ours to be names of rows", repr(name), closest(str(name), self.rows))
        if self.metric not in METRICS:
            refuse(where, "metric wall or cpu", repr(self.metric))
        self.cells = {}
        for row, subject in self.rows.items():
            for column, pattern in self.columns.items():
                self.cells[row, column] = self.parse_cell(where, row, subject, column, pattern)
        self.goals = [Goal(f"{where}, goal {number}", *goal, self)
                      for number, goal in enumerate(values.get("goals", []), 1)]

    @staticmethod
    def read_columns(where, columns):
        """title -> pattern, title -> the only time that means something there, and title -> processors that it needs."""
        patterns, times, processors = {}, {}, {}
        for title, value in columns.items():
            known = value if isinstance(value, dict) else {"benchmark": value}
            if (not {"benchmark", "time", "processors"}.issuperset(known) or not isinstance(known.get("benchmark"), str)
                    or known.get("time", "wall") not in METRICS or not isinstance(known.get("processors", 1), int)):
                refuse(f"{where}, column {title}", "a benchmark, or {benchmark, time: wall or cpu, processors: a number}",
                       repr(value))
            patterns[title] = known["benchmark"]
            if "time" in known:
                times[title] = known["time"]
            processors[title] = known.get("processors", 1)
        return patterns, times, processors

    def fit(self, processors):
        """Leaves out the columns for which a machine has too few processors."""
        self.left_out = {title: needed for title, needed in self.processors.items() if needed > processors}
        self.columns = {title: pattern for title, pattern in self.columns.items() if title not in self.left_out}

    def metric_of(self, column):
        return self.times.get(column, self.metric)

    def parse_cell(self, where, row, subject, column, pattern):
        if isinstance(subject, dict):
            unknown = subject.keys() - self.columns.keys() - {"*"}
            if unknown:
                refuse(f"{where}, row {row}", "titles of columns or '*'", ", ".join(sorted(unknown)),
                       closest(min(unknown), self.columns))
            text = subject[column] if column in subject else subject.get("*") and pattern.replace("{}", subject["*"])
        else:
            text = pattern.replace("{}", subject)
        if text is None:
            return None
        try:
            return Cell(text)
        except ValueError:
            refuse(f"{where}, row {row}, column {column}", "BM_..., CONFIG:BM_... or PEER:GROUP/NAME/THREADS", repr(text))

    def cell(self, row, column):
        return self.cells[row, column]

    def wanted(self):
        return [cell for (_, column), cell in self.cells.items() if cell is not None and column in self.columns]


class Package:
    """The declaration of one package."""

    def __init__(self, root, name):
        self.name, self.path = name, f"{name}/benchmarks.json"
        file = root / self.path
        if not file.is_file():
            known = sorted(path.parent.name for path in root.glob("*/benchmarks.json"))
            refuse(self.path, "a file that declares the tables of the package", "none", closest(name, known))
        try:
            values = json.loads(file.read_text())
        except json.JSONDecodeError as error:
            refuse(self.path, "JSON", str(error))
        if not isinstance(values, dict) or set(values) != {"programs", "tables"}:
            refuse(self.path, "an object with programs and tables", repr(values)[:60])
        self.programs = values["programs"]
        self.tables = [Table(f"{self.path}, table {table}", name, table, content)
                       for table, content in values["tables"].items()]
        for program in self.programs:
            if not re.fullmatch(r"//[\w/]+:\w+", program):
                refuse(self.path, "labels such as //pkg:x_benchmark among programs", repr(program))


def load(root, names):
    """The packages of these names; all that have a declaration if `names` is None."""
    if names is None:
        names = sorted(path.parent.name for path in root.glob("*/benchmarks.json"))
        if not names:
            refuse(str(root), "a package with benchmarks.json", "none")
    packages = [Package(root, name) for name in names]
    seen = {}
    for package in packages:
        for table in package.tables:
            if seen.setdefault(table.name, package.name) != package.name:
                refuse(package.path, "names of tables that no other package uses", table.name)
    return packages
