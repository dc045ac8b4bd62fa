"""gdb commands that show the tasks of a stopped process or of a core.

    $ gdb -p 4711 -ex 'source tools/gdb/weft.py' -ex 'weft tasks'
    $ gdb program core -ex 'source tools/gdb/weft.py' -ex 'weft tasks'

    weft tasks        all tasks of all executors that list theirs (track_tasks = weft::TaskTracking::kOn)
    weft task ID      the one that handles, dumps and traces call ID, e.g. 0x5581

The process runs no code for it, so it works when all workers are stuck, and on cores. The program was compiled with
-g, at any level of optimisation; with Clang, debug information that is complete (-fstandalone-debug) shows more.

Where things come from:
    members          from the debug information, by name; nothing counts bytes, but the start of a coroutine's frame: the
                     promise stands behind two pointers, to its code for resuming and for destroying
    types            of cells and of what is awaited: from the names of virtual tables, because debug information does not
                     say which class an object has; it has no types for templates that the compiler left out: then the
                     name is shown, and what stands inside is not
    file and line    of awaits and spawns: from the std::source_location that each await keeps, which optimisation leaves
                     exact. A coroutine that has not begun has none: then from its code

Not shown: the chains inside a combinator, whose type stands there alone, and the age of tasks, for which there is no clock.
"running" and "queued" are as of the moment at which the process stopped; a task that is being polled has its coroutines
on the stack of its thread.
"""

import re
import struct

import gdb

INTERNAL = "weft::future_internal::"


def lookup(name):
    """A type, or a message that says what to do."""
    try:
        return gdb.lookup_type(name)
    except gdb.error:
        raise gdb.GdbError(
            f"looking for the type {name}: expected it in the debug information, found none; compile the program "
            "with -g, and with Clang with -fstandalone-debug"
        ) from None


def constant(type_name, name, default):
    """A static constexpr member, which debug information may lack."""
    try:
        return int(gdb.parse_and_eval(f"'{type_name}'::{name}"))
    except gdb.error:
        return default


def address(value):
    """The number of a pointer, or the address of an object."""
    return int(value) if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR else int(value.address)


def pointer(number, target):
    return gdb.Value(number).cast(target.pointer())


def dynamic_name(object_address):
    """The name of the class of an object, from its virtual table."""
    word = gdb.lookup_type("unsigned long")
    table = int(pointer(object_address, word).dereference())
    symbol = gdb.execute(f"info symbol {table:#x}", to_string=True)
    match = re.match(r"vtable for (.*?)(?: \+ \d+)?(?: in section .*)?$", symbol.strip())
    if not match:
        raise gdb.GdbError(f"expected an object with a virtual table at {object_address:#x}, found: {symbol.strip()}")
    return match[1]


def dynamic(object_address, base):
    """An object as what it is, or None where the debug information has no type for it."""
    try:
        return pointer(object_address, gdb.lookup_type(dynamic_name(object_address))).dereference()
    except gdb.error:
        pass
    value = pointer(object_address, base).dereference()
    return None if value.dynamic_type == base else value.cast(value.dynamic_type)


def argument(name):
    """The first template argument in the name of a class."""
    depth, start = 0, name.find("<") + 1
    for i in range(start, len(name)):
        if depth == 0 and name[i] in ",>":
            return name[start:i].strip()
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(name[i], 0)
    return name


def place(location):
    """(function, "file:line") of a std::source_location; None if it is not set."""
    impl = location["_M_impl"]
    if int(impl) == 0:
        return None
    function, file, line = None, None, 0
    for field in impl.type.target().strip_typedefs().fields():
        if field.name.endswith("file_name"):
            file = impl[field.name].string()
        elif field.name.endswith("function_name"):
            function = impl[field.name].string()
        elif field.name.endswith("line"):
            line = int(impl[field.name])
    return (readable(function), f"{file}:{line}") if line else None


def readable(function):
    """A coroutine's name as it was written. GCC 12 names it by its inner function: "void Total(_Z5Totalv.Frame*)"."""
    inner = re.search(r"\b(_Z\w+?)\.[Ff]rame ?\*", function)
    if inner:
        function = gdb.execute(f"demangle {inner[1]}", to_string=True).strip()
    return re.sub(r"( \[clone [^]]*\]| \[[^]]*\]|\.(actor|destroy|resume))+$", "", function)


class Frame:
    """A suspended coroutine."""

    def __init__(self, promise):
        self.promise = promise.cast(lookup(INTERNAL + "PromiseBase"))

    def parent(self):
        slot = self.promise["slot_"]
        if not int(slot) or not int(slot["parent_"]):  # a root's, between polls; a root's
            return None
        return Frame(slot["parent_"].dereference())

    def location(self):
        """Where its parent awaits it. Precondition: it has one."""
        word = int(self.promise["slot_"]["word_"])  # a std::source_location, with bits
        location = gdb.lookup_type("std::source_location")
        return gdb.Value(struct.pack("=Q", word & ~7), location)

    def code(self):
        """(function, "file:line") of its code, from the first of the two pointers before its promise."""
        word = gdb.lookup_type("unsigned long")
        start = int(self.promise.address) - 2 * word.sizeof
        resume = int(pointer(start, word).dereference())
        symbol = gdb.execute(f"info symbol {resume:#x}", to_string=True)
        line = gdb.find_pc_line(resume)
        name = readable(re.sub(r"( \+ \d+)?( in section .*)?$", "", symbol.strip()))
        return name, f"{line.symtab.filename}:{line.line}" if line.symtab else "no line information"

    def describe(self, location):
        function, where = place(location) or self.code()
        return f"{function} at {where}"


class Task:
    """A task that an executor lists."""

    def __init__(self, record):
        self.record = record
        self.cell = record["cell"].dereference()
        # The id is the Runnable, which a cell begins with; an upcast, so the debug information knows where.
        self.id = int(self.cell.cast(lookup("weft::Runnable")).address)
        self.class_name = dynamic_name(self.id)

    def name(self):
        if not int(self.cell["flags_"]) & constant(INTERNAL + "CellBase", "kNamed", 2):
            return ""
        size_type = gdb.lookup_type("unsigned long")
        size = pointer(int(self.record.address) + self.record.type.sizeof, size_type)
        return (size + 1).cast(gdb.lookup_type("char").pointer()).string(length=int(size.dereference()), errors="replace")

    def state(self):
        if str(self.cell["status_"]["_M_i"]).endswith("kRunning"):
            return "running"
        word = int(self.cell["state_"]["word_"]["_M_i"])
        return "queued" if word & constant(INTERNAL + "TaskState<weft::StdAtomics>", "kActive", 32) else "waiting"

    def print(self):
        name, state = self.name(), self.state()
        worker, polls = int(self.record["worker"]["_M_i"]), int(self.record["polls"]["_M_i"])
        spawned = place(self.record["spawned_at"])
        executor = int(self.cell["executor_"].address)
        print(
            f"task {self.id:#x}"
            + (f' "{name}"' if name else "")
            + f": {state}"
            + (f" on worker {worker}" if worker >= 0 and state == "running" else "")
            + f", {polls} {'poll' if polls == 1 else 'polls'}"
            + (f", spawned at {spawned[1]}" if spawned else "")
            + f", on {dynamic_name(executor)} {executor:#x}"
        )
        if state == "running":
            print("  its coroutines are in the back trace of its thread")
            return
        for step in self.steps():
            print("  " + step)

    def steps(self):
        """From the deepest coroutine to the root."""
        work_name = argument(self.class_name)
        if not work_name.startswith("weft::Task<"):
            return [f"a {work_name}"]
        cell = dynamic(self.id, lookup("weft::Runnable"))
        if cell is None:
            return [f"a {work_name}, for whose cell there is no debug information; compile with -fstandalone-debug"]
        return list(self.chain(cell["work_"]))

    def chain(self, task):
        asked = int(task["chain_"]["asked_"])
        if asked == 0:
            start = int(task["frame_"]["_M_fr_ptr"])
            if start:
                promise = pointer(start + 2 * gdb.lookup_type("unsigned long").sizeof, lookup(INTERNAL + "PromiseBase"))
                function, where = Frame(promise.dereference()).code()
                yield f"{function} at {where}, not begun"
            return
        leaf = pointer(asked & ~7, lookup(INTERNAL + "Leaf"))
        frame = Frame(leaf["frame_"].referenced_value())
        yield frame.describe(leaf["location_"]) + f" awaits {self.awaited(int(leaf))}"
        while frame.parent():
            location = frame.location()
            frame = frame.parent()
            yield frame.describe(location)

    @staticmethod
    def awaited(leaf):
        name = dynamic_name(leaf)
        if name.endswith("::YieldNowAwaiter"):
            return "weft::YieldNow"
        what = argument(name)
        if not what.startswith("weft::JoinHandle<"):
            return what
        awaiter = dynamic(leaf, lookup(INTERNAL + "Leaf"))
        if awaiter is None:
            return what
        cell = awaiter["result_"]["unset_"].cast(lookup(what).pointer()).dereference()["state_"]
        return f"{what}: task {int(cell.dereference().cast(lookup('weft::Runnable')).address):#x}" if int(cell) else what


def registries():
    """The list of the process begins in a variable whose type debug information may lack."""
    try:
        head = gdb.parse_and_eval(f"(long)&'{INTERNAL}first_task_registry'")
    except gdb.error as error:
        raise gdb.GdbError(
            f"looking for weft's list of tasks: expected the variable {INTERNAL}first_task_registry, found: {error}; "
            "is the program loaded, does it use weft, and has it its symbols (not stripped)?"
        ) from None
    if gdb.selected_thread() is None:
        raise gdb.GdbError("reading weft's list of tasks: expected a process or a core, found neither; start or open one")
    registry = pointer(int(head), lookup("weft::TaskRegistry").pointer()).dereference()
    if int(registry) == 0:
        raise gdb.GdbError("no executor lists its tasks; make the runtime with track_tasks = weft::TaskTracking::kOn")
    while int(registry):
        yield registry.dereference()
        registry = registry["next_in_process_"]


def tasks():
    """Of all executors, the oldest first."""
    records = []
    for registry in registries():
        node_type = lookup(f"weft::IntrusiveListNode<{INTERNAL}TaskRecord>")
        record_type = lookup(INTERNAL + "TaskRecord")
        shards = registry["shards_"]["_M_elems"]
        low, high = shards.type.strip_typedefs().range()
        for i in range(low, high + 1):
            sentinel = shards[i]["records"]["sentinel_"]
            node = sentinel["next_"]
            while int(node) != int(sentinel.address):
                records.append(node.cast(node_type.pointer()).cast(record_type.pointer()).dereference())
                node = node["next_"]
    records.sort(key=lambda r: (int(instant(r["spawned"])), int(r["shard"]), int(r["number"])))
    return [Task(record) for record in records]


def instant(value):
    """A number that orders Instants: the only member at the bottom of the object."""
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        value = value[value.type.strip_typedefs().fields()[0]]
    return value


class WeftCommand(gdb.Command):
    """Shows the tasks of weft's executors."""

    def __init__(self):
        super().__init__("weft", gdb.COMMAND_STACK, prefix=True)


class TasksCommand(gdb.Command):
    """weft tasks: all tasks of all executors that list theirs, with the coroutines that wait."""

    def __init__(self):
        super().__init__("weft tasks", gdb.COMMAND_STACK)

    def invoke(self, argument_text, from_tty):
        found = tasks()
        print(f"{len(found)} {'task' if len(found) == 1 else 'tasks'}")
        for task in found:
            task.print()


class TaskCommand(gdb.Command):
    """weft task ID: the task that handles, dumps and traces call ID, e.g. weft task 0x5581."""

    def __init__(self):
        super().__init__("weft task", gdb.COMMAND_STACK)

    def invoke(self, argument_text, from_tty):
        if not argument_text.strip():
            raise gdb.GdbError("weft task: expected the id of a task, found none; 'weft tasks' lists them")
        wanted = int(gdb.parse_and_eval(argument_text))
        for task in tasks():
            if task.id == wanted:
                task.print()
                return
        raise gdb.GdbError(f"weft task: expected the id of a listed task, found {wanted:#x}; 'weft tasks' lists them")


WeftCommand()
TasksCommand()
TaskCommand()
