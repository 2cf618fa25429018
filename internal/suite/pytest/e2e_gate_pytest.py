"""The plugin that e2e-gate brings along for pytest.

It writes one line of JSON for each thing that happens: tests that were listed,
started and finished, and errors outside of tests. The same function names a test
when it is listed and when it runs. With a selection it collects the files that
the selection needs, as usual, and deselects every other test.
"""
import faulthandler
import json
import os
import re
import signal
import sys
import time

import pytest

from e2e_gate_shared import clip, enter, leave, selection, watch

NEEDED = 7
NOT_TAGS = {
    "parametrize", "usefixtures", "filterwarnings", "skip", "skipif", "xfail", "tryfirst", "trylast",
    "flaky", "timeout", "asyncio", "anyio", "xdist_group", "order", "dependency", "django_db", "no_cover",
}
ATTACHMENT = re.compile(r"\[\[ATTACHMENT\|(.+?)\]\]")
EXCEPTION = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)")
ASSERTIONS = ("AssertionError", "Failed", "assert")


def isolate(worker):
    """Gives a worker of pytest-xdist its number, and what isolation has made for it. It comes before any conftest.py is read."""
    if not re.fullmatch(r"gw[0-9]+", worker):
        return
    number = int(worker[2:])
    os.environ["E2E_WORKER"] = str(number)
    for variable in filter(None, os.environ.get("E2E_WORKER_VARIABLES", "").split(",")):
        own = os.environ.get("%s_%d" % (variable, number))
        if own is None:  # one that takes the place of a worker that died: its database may not be fit, and the others are taken
            raise pytest.UsageError("worker %d has no database of its own: isolation.workers is %s" % (number, os.environ.get("E2E_WORKERS", "?")))
        os.environ[variable] = own


def enough(config):
    """Refuses more workers of pytest-xdist than there are databases: two would share one."""
    most, workers = os.environ.get("E2E_WORKERS"), len(getattr(config.option, "tx", None) or [])
    if most and workers > int(most):
        raise pytest.UsageError("pytest-xdist starts %d workers, and isolation.workers is %s; make it as many" % (workers, most))


isolate(os.environ.get("PYTEST_XDIST_WORKER", ""))


class Reporter:
    def __init__(self, config):
        self.config = config
        self.base = os.path.realpath(os.environ["E2E_GATE_DIR"])
        self.root = os.path.realpath(str(config.rootpath))
        self.worker = hasattr(config, "workerinput")  # of pytest-xdist: its controller reports
        if not self.worker and not config.option.collectonly:
            enough(config)
        self.out = None if self.worker else open(os.environ["E2E_GATE_EVENTS"], "a", encoding="ascii")
        self.selection = selection()
        self.files = {name.partition("::")[0] for name in self.selection or ()}
        self.running = {}
        self.outside = {}  # by node id, files of tests outside of pytest's root directory
        self.repeats = {}  # by name, how often pytest-rerunfailures has repeated the test
        self.errors = set()
        self.watch = None if self.worker else watch()
        self.snapshots = False  # unused ones fail no run here, and would fail one of the whole suite

    def write(self, event, **fields):
        if self.out:
            self.out.write(json.dumps(dict(fields, event=event)) + "\n")
            self.out.flush()

    def error(self, message, details=""):
        if message not in self.errors:
            self.errors.add(message)
            self.write("error", message=clip(message, 8000), details=clip(details, 24000))

    def path(self, path):
        return os.path.relpath(str(path), self.base).replace(os.sep, "/")

    def name(self, nodeid, location=None):
        """A node id that does not depend on pytest's root directory. Outside of that directory
        pytest shortens the file, so it is taken from the collected item, or from where pytest says
        that the test lies: a controller of pytest-xdist collects nothing."""
        file, separator, rest = nodeid.partition("::")
        path = os.path.join(self.root, file)
        if not os.path.exists(path):
            path = self.outside.get(nodeid) or os.path.join(self.root, location[0] if location else file)
        name = self.path(path) + separator + rest
        if self.selection is not None and name not in self.selection:
            bare = name.rpartition("@")[0]  # pytest-xdist appends a group
            if bare in self.selection:
                return bare
        return name

    # Collecting

    def pytest_itemcollected(self, item):
        if not os.path.exists(os.path.join(self.root, item.nodeid.partition("::")[0])):
            self.outside[item.nodeid] = str(item.path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path):
        if self.selection is None or collection_path.is_dir() or collection_path.name == "__init__.py":
            return None
        return self.path(collection_path) not in self.files or None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        if self.selection is None:
            return
        others = [item for item in items if self.name(item.nodeid) not in self.selection]
        if others:
            items[:] = [item for item in items if self.name(item.nodeid) in self.selection]
            config.hook.pytest_deselected(items=others)

    def pytest_collection_finish(self, session):
        if self.snapshots and any("snapshot" in getattr(item, "fixturenames", ()) for item in session.items):
            self.write("unchecked", message="unused snapshots")
        if not self.config.option.collectonly:
            return
        lock = "coverage" if session.config.pluginmanager.hasplugin("_cov") else ""  # it merges all data that it finds
        anywhere = any(mark.kwargs.get("scope") in ("package", "session") for item in session.items for mark in item.iter_markers("dependency"))
        for item in session.items:
            name = self.name(item.nodeid)
            file, _, rest = name.partition("::")
            self.write("listed", id=name, name=rest, file=file, line=(item.location[1] or 0) + 1, tags=tags(item), keep=file,
                       group=group(item, file, anywhere), lock=lock)

    def pytest_collectreport(self, report):
        if report.failed:
            self.error("%s cannot be collected: %s" % (report.nodeid or "the session", last_line(report.longreprtext)), report.longreprtext)

    # Running

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        alone = not getattr(self.config.option, "parallel_threads", None)  # pytest-run-parallel has several tests in a process
        if alone:
            enter(self.name(item.nodeid))
        yield
        if alone:
            leave()

    def pytest_runtest_logstart(self, nodeid, location):
        name = self.name(nodeid, location)
        self.running[name] = Attempt()
        self.write("started", id=name)

    def pytest_runtest_logreport(self, report):
        name = self.name(report.nodeid, report.location)
        if report.when == "teardown" and name not in self.running and not report.failed:
            return  # what pytest-rerunfailures is to repeat has been reported
        after_rerun = name not in self.running and name in self.repeats  # a tear-down that failed
        attempt = self.running.setdefault(name, Attempt())
        if hasattr(report, "context") and report.when == "call":
            attempt.subtest(report)
            return
        attempt.add(report)
        if report.outcome == "rerun" or report.when not in ("setup", "call"):
            del self.running[name]
            file, _, rest = name.partition("::")
            retry = self.repeats.pop(name, 0)
            if report.outcome == "rerun" or after_rerun:
                self.repeats[name] = retry + 1
            line = (report.location[1] or 0) + 1
            self.write("finished", id=name, retry=retry, name=rest, file=file, line=line, **attempt.fields())

    # Everything else

    def pytest_internalerror(self, excrepr):
        self.error("pytest had an internal error: " + last_line(str(excrepr)), str(excrepr))

    def pytest_keyboard_interrupt(self, excinfo):
        self.error("pytest was stopped: %s" % (excinfo.value or excinfo.typename))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self):
        if self.watch:
            self.watch.tell(self.write)
        self.write("end", statuses=[1])


class Attempt:
    """One attempt at one test: set-up, call and tear-down together."""

    def __init__(self):
        self.start = time.time()
        self.seconds = 0.0
        self.outcome = "passed"
        self.error = False
        self.message = self.details = self.type = self.at_file = self.worker = ""
        self.at_line = 0
        self.properties, self.attachments, self.children = [], [], []

    def add(self, report):
        self.worker = str(getattr(report, "worker_id", "") or "")  # of pytest-xdist
        self.seconds += getattr(report, "duration", 0) or 0
        if report.outcome in ("failed", "rerun"):
            self.fail(report, "" if report.when == "call" else "%s: " % {"setup": "in set-up", "teardown": "in tear-down"}.get(report.when, "outside the test"))
        elif report.outcome == "skipped" and self.outcome == "passed":
            self.outcome, self.message = "skipped", skip_reason(report)
        self.evidence(report)

    def fail(self, report, where):
        text = report.longreprtext
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message if crash else last_line(text)
        if self.outcome != "failed":  # the first failure is the one to look at
            kind = EXCEPTION.match(message)
            self.type = kind.group(1) if kind else ""
            self.error = bool(where) or not message.startswith(ASSERTIONS)
            self.message = clip(where + message, 8000)
            self.at_file, self.at_line = place(report)
        self.outcome = "failed"
        captured = "".join("\n--- %s ---\n%s" % section for section in report.sections)
        self.details = clip((self.details + "\n" + clip(text, 24000)).lstrip("\n") + clip(captured, 24000), 48000)

    def subtest(self, report):
        describe = getattr(report, "_sub_test_description", None) or getattr(report, "sub_test_description", None)
        name = describe() if describe else str(report.context)
        message = ""
        if report.outcome == "failed":
            crash = getattr(report.longrepr, "reprcrash", None)
            message = crash.message if crash else last_line(report.longreprtext)
            self.fail(report, name + ": ")
            self.error = not message.startswith(ASSERTIONS)
        outcome = report.outcome if report.outcome in ("passed", "failed", "skipped") else "failed"
        self.children.append({"name": name, "outcome": outcome, "seconds": getattr(report, "duration", 0) or 0, "message": clip(message, 2000)})

    def evidence(self, report):
        self.properties = [{"name": str(name), "value": clip(str(value), 16384)} for name, value in getattr(report, "user_properties", ()) if name != "attachment"]
        found = [str(value) for name, value in getattr(report, "user_properties", ()) if name == "attachment"]
        for _, text in report.sections:
            found += ATTACHMENT.findall(text)
        for extra in getattr(report, "extras", None) or getattr(report, "extra", None) or ():  # of pytest-html
            content = extra.get("content") if isinstance(extra, dict) else None
            if isinstance(content, str) and len(content) < 500 and os.path.isfile(content):
                found.append(content)
        self.attachments += [path for path in dict.fromkeys(found) if path not in self.attachments]

    def fields(self):
        return dict(vars(self), start=self.start * 1000)


def place(report):
    """Where a test failed: the last line of the traceback within the suite."""
    base = os.path.realpath(os.environ["E2E_GATE_DIR"])
    crash = getattr(report.longrepr, "reprcrash", None)
    entries = [entry.reprfileloc for entry in getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", ()) if getattr(entry, "reprfileloc", None)]
    for at in [crash] * bool(crash) + entries[::-1]:
        path = os.path.realpath(str(at.path))
        if path.startswith(base + os.sep) and not {"site-packages", "dist-packages"} & set(path.split(os.sep)):
            return os.path.relpath(path, base).replace(os.sep, "/"), at.lineno or 0
    return "", 0


def skip_reason(report):
    if hasattr(report, "wasxfail"):
        return ("expected to fail: " + report.wasxfail).rstrip(": ")
    if isinstance(report.longrepr, tuple):
        return re.sub(r"^Skipped: ", "", str(report.longrepr[2]))
    return last_line(report.longreprtext)


def tags(item):
    """smoke of @mark.smoke, owner:x of @mark.owner("x")."""
    found = []
    for mark in item.iter_markers():
        if mark.name in NOT_TAGS:
            continue
        named = ["%s:%s" % (mark.name, arg) for arg in mark.args if isinstance(arg, str)]
        found += [tag for tag in named or [mark.name] if tag not in found]
    return found


def group(item, file, anywhere):
    """Tests that build on one another: those of pytest-dependency, which may name tests of
    other files, and those that share a mark serial or incremental."""
    for node, mark in item.iter_markers_with_node():
        if mark.name in ("incremental", "serial"):
            return "%s::%s" % (file, item.cls.__qualname__) if item.cls and not isinstance(node, pytest.Module) else file
    if item.get_closest_marker("dependency"):
        return "(dependency)" if anywhere else file
    return ""


def last_line(text):
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return re.sub(r"^E\s+", "", lines[-1]) if lines else ""


def tell_threads():
    """Has Python write what its threads do, and go on, when the gate finds that nothing happens. Workers of
    pytest-xdist do the same."""
    number = getattr(signal, "SIGUSR2", None)
    if number is None or signal.getsignal(number) is not signal.SIG_DFL or not hasattr(faulthandler, "register"):
        return  # the suite has a use for it
    events = os.environ["E2E_GATE_EVENTS"]
    dump = open(os.path.join(os.path.dirname(events), "thread-dump-%d.txt" % os.getpid()), "a")
    faulthandler.register(number, file=dump, all_threads=True)
    with open(events, "a", encoding="ascii") as out:
        out.write(json.dumps({"event": "process", "pid": os.getpid(), "dump": "signal"}) + "\n")


# Options that leave tests out of a listing, wherever they are set: in addopts, in PYTEST_ADDOPTS, or in the suite's args.
LEAVES_OUT = {
    "lf": "--last-failed", "stepwise": "--stepwise", "splits": "--splits", "num_shards": "--num-shards", "test_group_count": "--test-group-count",
    "testmon": "--testmon", "picked": "--picked",
}


def refuse(config):
    for name, flag in LEAVES_OUT.items():
        value = getattr(config.option, name, None)
        if value and value != 1 or value is True:
            unusable("%s is set, in addopts, PYTEST_ADDOPTS or args, and leaves tests out; remove it: the gate chooses the tests, and splits them" % flag)


def unusable(message):
    with open(os.environ["E2E_GATE_EVENTS"], "a") as events:
        events.write(json.dumps({"event": "unusable", "message": message}) + "\n")
    raise pytest.UsageError("e2e-gate cannot use pytest: " + message)


def pytest_configure(config):
    refuse(config)
    if selection() is not None:
        tell_threads()
    if os.environ.get("E2E_ATTEMPT") == "2" and getattr(config.option, "reruns", None):
        config.option.reruns = 0  # the diagnostic rerun is one attempt
    reporter = Reporter(config)
    config.pluginmanager.register(reporter, "e2e-gate-reporter")
    unalarm(config, reporter)


def unalarm(config, reporter):
    """Switches off what speaks of the whole suite, where a part of it runs. A listing only says
    what the suite has."""
    listing = reporter.selection is None
    part = os.environ.get("E2E_PART") == "1"
    coverage = getattr(config.pluginmanager.getplugin("_cov"), "options", None)  # of pytest-cov
    if (listing or part) and coverage is not None and not getattr(coverage, "no_cov", False):
        if getattr(coverage, "cov_fail_under", None):
            reporter.write("unchecked", message="the coverage threshold (cov-fail-under)")
        if part:
            coverage.cov_fail_under = 0
    if hasattr(config.option, "warn_unused_snapshots"):  # of syrupy, which takes those of a mere listing for unused
        reporter.snapshots = (listing or part) and not config.option.warn_unused_snapshots
        config.option.warn_unused_snapshots = config.option.warn_unused_snapshots or listing or part


if int(pytest.__version__.split(".")[0]) < NEEDED:
    unusable("pytest %s is too old; %s.0 or later is needed: pip install --upgrade pytest" % (pytest.__version__, NEEDED))
