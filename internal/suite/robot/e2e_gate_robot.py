"""The listeners that e2e-gate brings along for Robot Framework.

They write one line of JSON for each thing that happens: tests that were listed, started and
finished, and errors outside of tests. The same function names a test when it is listed and when it
runs. To list, they take all tests out of the run; with a selection, every other test.

First sees how a test ended before any other listener of the suite, Last after them.
"""
import json
import os
import re
import sys
import time

from robot.running.context import EXECUTION_CONTEXTS
from robot.version import get_version

from e2e_gate_shared import clip, enter, leave, selection, watch

NEEDED = 4
ATTACHMENT = re.compile(r"\[\[ATTACHMENT\|(.+?)\]\]")
LINK = re.compile(r"""(?:src|href)=["']([^"']+)["']""")
# What keeps tests out of the suite; other errors are those of settings, which Robot Framework passes over.
LOSES_TESTS = re.compile(r"^Parsing .* failed|[Uu]nrecognized section header|[Ii]nvalid section header|^Error in file .*: (?:Parsing|Reading)")
UNEXPECTED = re.compile(r"^(?:\w+(?:Error|Exception): |No keyword with name |Variable '|Setup failed|Parent suite setup failed|Several failures occurred)")
TEARDOWN = re.compile(r"(?:^|\n)(?:Also s|S)uite teardown failed:(.*)", re.DOTALL)
EXCLUDES = int(get_version().split(".")[0]) >= 5  # by the tag robot:exclude
FIRST, LAST = 1000000, -1000000
# What runs, or is read, before listeners are loaded, and may say which tests there are: argument files, parsers and modifiers. Robot
# Framework takes the beginning of an option's name too, in any case and with any hyphens.
EARLY = re.compile(r"-[^-]*A|--(?:a|pa|pre)")


def is_early(arg):
    return EARLY.match("--" + arg[2:].replace("-", "").lower() if arg.startswith("--") else arg)


class State:
    """What both listeners know of the run."""

    def __init__(self):
        self.base = os.path.realpath(os.environ["E2E_GATE_DIR"])
        self.out = open(os.environ["E2E_GATE_EVENTS"], "a", encoding="ascii")
        self.selection = selection()
        self.watch = None if os.environ.get("ROBOT_OPTIONS") or any(map(is_early, sys.argv[1:])) else watch()
        self.started = False
        self.known = {}  # by test: its key, and how often it ran
        self.count = {}  # by id: how many tests have it
        self.attempt = None
        self.held = None  # the end of a test that a listener may have repeated
        self.results = {}  # by result: the outcome that was told, and the result itself
        self.failed = None  # how many tests failed in the whole run

    def write(self, event, **fields):
        self.out.write(json.dumps(dict(fields, event=event)) + "\n")
        self.out.flush()

    def path(self, path):
        return os.path.relpath(os.path.realpath(str(path)), self.base).replace(os.sep, "/")

    def identify(self, test):
        at = test
        while at is not None and not at.source:
            at = at.parent
        file = self.path(at.source) if at is not None else ""
        return dict(id="%s::%s" % (file, test.name), name=test.name, file=file, line=test.lineno or 0)

    def begin(self, suite):
        """Lists the tests of the whole run, or leaves those that were selected."""
        if self.started:
            return
        self.started = True
        if self.selection is None:
            variables = EXECUTION_CONTEXTS.current.variables  # of the command line; those of a file are not known yet
            for test in self.all_tests(suite):
                if EXCLUDES and test.tags.match("robot:exclude"):  # it is taken out only when it is its turn
                    continue
                what = self.identify(test)
                self.write("listed", tags=variables.replace_list(list(test.tags), ignore_errors=True), keep=what["file"], **what)
            suite.tests.clear()
            suite.suites.clear()
            suite.setup = suite.teardown = None
            return
        if EXECUTION_CONTEXTS.current.dry_run:  # everything passes
            self.write("unusable", message="with --dryrun no test runs; remove it from ROBOT_OPTIONS and argument files")
            self.selection = set()
        self.choose(suite)

    def all_tests(self, suite):
        for test in suite.tests:
            yield test
        for child in suite.suites:
            yield from self.all_tests(child)

    def choose(self, suite):
        suite.tests = [test for test in suite.tests if self.identify(test)["id"] in self.selection]
        for child in suite.suites:
            self.choose(child)
        suite.suites = [child for child in suite.suites if child.tests or child.suites]

    def instance(self, test):
        """The key of a test, and how often the same one ran before: a listener such as RetryFailed has
        it run again. Two tests of one name are two."""
        known = self.known.get(id(test))
        if known is None:
            name = self.identify(test)["id"]
            self.count[name] = self.count.get(name, 0) + 1
            known = self.known[id(test)] = [str(self.count[name]), -1, test]  # it is kept, so that no other gets its identity
        return known

    def release(self, repeated):
        """Writes the end of a test that failed and was then changed by another listener: it failed if it is
        repeated, and else is what the listener made of it."""
        if self.held:
            failed, changed = self.held
            self.held = None
            self.write("finished", **(failed if repeated else changed))


class Attempt:
    """One execution of a test."""

    def __init__(self):
        self.start = time.time()
        self.messages, self.attachments = [], []
        self.first = self.place = None


def outcome(result, attempt, state):
    """What a result says of a test at this moment."""
    message = clip(result.message or "", 8000)
    if result.status == "PASS":
        return dict(outcome="passed")
    if result.status == "SKIP":
        return dict(outcome="skipped", message=message)
    if "robot:exit" in result.tags:
        return dict(outcome="skipped", kept=True, message=message)
    at_file, at_line = "", 0
    if attempt.place and (attempt.place[2] in message or not message):
        at_file, at_line = attempt.place[:2]
    details = (result.message or "") + "\n\n--- log ---\n" + "\n".join(attempt.messages)
    return dict(outcome="failed", message=message or "failed without a message", details=clip(details, 24000), error=bool(UNEXPECTED.match(message)),
                type=(re.match(r"(\w+(?:Error|Exception)): ", message) or [None, ""])[1], at_file=at_file, at_line=at_line)


class First:
    ROBOT_LISTENER_API_VERSION = 3
    ROBOT_LISTENER_PRIORITY = FIRST

    def __init__(self):
        state.first = self

    def start_test(self, data, result):
        if state.selection is None:
            return
        known = state.instance(data)
        state.release(known[1] >= 0)
        known[1] += 1
        state.attempt = Attempt()
        what = state.identify(data)["id"]
        state.write("started", id=what)
        enter(what)

    def end_test(self, data, result):
        if state.attempt:
            state.attempt.first = outcome(result, state.attempt, state)

    def end_keyword(self, data, result):  # from Robot Framework 7 on
        if result.status != "FAIL" or not state.attempt:
            return
        message = result.message or ""
        have = state.attempt.place
        source = getattr(data, "source", None)
        if source and data.lineno and (have is None or message != have[2]):  # the innermost one of each failure
            file = state.path(source)
            if not file.startswith("../"):
                state.attempt.place = (file, data.lineno, message)

    def log_message(self, message):
        if not state.attempt:
            return
        text = message.message or ""
        state.attempt.messages.append(clip("%s %s" % (message.level, text), 4000))
        del state.attempt.messages[:-100]
        found = ATTACHMENT.findall(text)
        if message.html:  # such as a screenshot; links to elsewhere are no files
            links = [os.path.join(os.environ["E2E_GATE_OUTPUT"], link) for link in LINK.findall(text)]
            found += [link for link in links if os.path.isfile(link)]
        state.attempt.attachments += [path for path in dict.fromkeys(found) if path not in state.attempt.attachments]

    def message(self, message):
        if state.selection is None and message.level == "ERROR" and LOSES_TESTS.search(message.message or ""):
            state.write("error", message=clip(re.sub(r"'%s/?" % re.escape(state.base + os.sep), "'", message.message), 8000))


class Last:
    ROBOT_LISTENER_API_VERSION = 3
    ROBOT_LISTENER_PRIORITY = LAST

    def start_suite(self, data, result):
        try:
            state.begin(data)
        except Exception as error:  # Robot Framework would go on with all tests
            state.write("unusable", message="the tests of Robot Framework %s cannot be listed: %r" % (get_version(), error))
            raise

    def end_test(self, data, result):
        if not state.attempt:
            return
        attempt, first = state.attempt, state.attempt.first
        now = outcome(result, attempt, state)
        key, retry, _ = state.instance(data)
        what = dict(state.identify(data), key=key, retry=retry, start=attempt.start * 1000, seconds=seconds(result), attachments=attempt.attachments)
        if first["outcome"] == "failed" and now["outcome"] != "failed":
            state.held = (dict(what, **first), dict(what, **now))
        else:
            state.write("finished", **dict(what, **now))
        state.results[id(result)] = (now["outcome"], result)
        state.attempt = None
        leave()

    def end_suite(self, data, result):
        state.release(False)
        found = TEARDOWN.search(result.message or "")
        for test in result.tests:
            told, _ = state.results.pop(id(test), ("failed", None))
            if test.status == "FAIL" and told != "failed" and not found and "robot:exit" not in test.tags:
                state.write("error", message=clip("a listener turned test %s into a failure after its end: %s" % (test.name, test.message), 8000))
        if found:
            state.write("error", message=clip("the tear-down of suite %s failed: %s" % (result.name, found.group(1).strip()), 8000))

        if data.parent is None:
            state.failed = getattr(result.statistics, "failed", None)

    def close(self):
        state.release(False)
        if state.watch:
            state.watch.tell(state.write)
        # The status of Robot Framework is the number of tests that failed.
        state.write("end", statuses=[] if state.failed is None else [min(state.failed, 250)])


def seconds(result):
    elapsed = getattr(result, "elapsed_time", None)  # from Robot Framework 7 on
    return elapsed.total_seconds() if elapsed is not None else result.elapsedtime / 1000.0


if int(get_version().split(".")[0]) < NEEDED:
    old = "Robot Framework %s is too old; %s.0 or later is needed: pip install --upgrade robotframework" % (get_version(), NEEDED)
    with open(os.environ["E2E_GATE_EVENTS"], "a") as events:
        events.write(json.dumps({"event": "unusable", "message": old}) + "\n")
    raise RuntimeError("Robot Framework is too old for e2e-gate")

state = State()
