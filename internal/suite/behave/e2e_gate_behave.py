"""What e2e-gate brings along for Behave: a formatter that is loaded beside those of the suite.

It writes one line of JSON for each thing that happens: scenarios that were listed, started and
finished, and errors outside of them. The same function names a scenario when it is listed and when
it runs. To list, it has Behave run no scenario; with a selection, no other.
"""
import functools
import json
import os
import re
import sys
import time
import traceback

from behave import model, runner
from behave.formatter.base import Formatter, StreamOpener

from e2e_gate_shared import clip, enter, leave, selection, watch

ATTACHMENT = re.compile(r"\[\[ATTACHMENT\|(.+?)\]\]")
ROW = re.compile(r" -- @[\d.]+ ?.*$", re.DOTALL)
KINDS = {"image/png": ".png", "image/jpeg": ".jpg", "text/plain": ".txt", "text/html": ".html", "application/json": ".json", "video/webm": ".webm"}
CONFIGS = (".behaverc", "behave.ini", "pyproject.toml", "setup.cfg", "tox.ini")
AROUND_SCENARIO = ("before_scenario", "after_scenario", "before_step", "after_step")


class State:
    """What is known of the run."""

    def __init__(self):
        self.base = os.path.realpath(os.environ["E2E_GATE_DIR"])
        self.out = open(os.environ["E2E_GATE_EVENTS"], "a", encoding="ascii")
        self.selection = selection()
        self.watch = watch()
        if self.watch:  # read before this module is
            self.watch.seen |= {os.path.join(os.path.expanduser("~"), name) for name in CONFIGS}
        self.known = {}  # by scenario: its key, and how often it ran
        self.count = {}  # by id: how many scenarios have it
        self.running = None
        self.attachments = []
        self.broken = ""  # the hook that failed before the scenarios of a feature or rule
        self.attached = 0
        self.cleanup = ""  # the cleanup of the running scenario that failed

    def write(self, event, **fields):
        self.out.write(json.dumps(dict(fields, event=event)) + "\n")
        self.out.flush()

    def path(self, path):
        return os.path.relpath(os.path.realpath(str(path)), self.base).replace(os.sep, "/")

    def identify(self, scenario):
        name = str(scenario.name)
        row = getattr(scenario, "_row", None)
        if row is not None:  # Behave numbers the rows, and the numbers shift
            name = "%s [%s]" % (ROW.sub("", name), " | ".join(str(cell) for cell in row.cells))
        rule = getattr(scenario, "parent", None)  # from Behave 1.2.7 on
        while rule is not None and rule.type != "rule":
            rule = getattr(rule, "parent", None)
        if rule is not None:
            name = "%s › %s" % (rule.name, name)
        file = self.path(scenario.location.filename)
        return dict(id="%s::%s" % (file, name), name=name, file=file, line=scenario.location.line)

    def selected(self, scenario):
        return self.selection is None or self.identify(scenario)["id"] in self.selection

    def finish(self, scenario, start, **seen):
        """Writes an end. The same scenario that runs again is a retry, which the suite asked for; two of one
        name are two."""
        what = self.identify(scenario)
        known = self.known.get(id(scenario))
        if known is None:
            self.count[what["id"]] = self.count.get(what["id"], 0) + 1
            known = self.known[id(scenario)] = [str(self.count[what["id"]]), -1, scenario]
        known[1] += 1
        self.write("finished", key=known[0], retry=known[1], start=start * 1000, seconds=time.time() - start, attachments=self.attachments,
                   **dict(what, **seen))
        self.attachments = []

    def hook(self, name, error):
        """Is told of a hook that failed."""
        if name in AROUND_SCENARIO or self.running is not None:
            return  # it is the scenario's
        message = "in %s: %s: %s" % (name, type(error).__name__, error)
        if name in ("before_feature", "before_rule", "before_tag"):
            self.broken = message
            return
        self.write("error", message=clip(message, 8000), details=clip("".join(traceback.format_exception(type(error), error, error.__traceback__)), 24000))


    def clean_up(self, error):
        """Is told of a function of add_cleanup or a fixture that failed."""
        message = "in a cleanup: %s: %s" % (type(error).__name__, error)
        if self.running is not None:
            self.cleanup = message
            return
        self.write("error", message=clip(message, 8000), details=clip("".join(traceback.format_exception(type(error), error, error.__traceback__)), 24000))


class Reporter(Formatter):
    name = "e2e-gate"
    description = "events for e2e-gate"

    def __init__(self, stream_opener, config):
        super().__init__(stream_opener, config)
        config.stop = False  # what it leaves out would be lost
        config.dry_run = state.selection is None  # behave.ini may set it

    def embedding(self, mime_type, data, *_):
        folder = os.path.join(os.path.dirname(os.environ["E2E_GATE_EVENTS"]), "attached")
        os.makedirs(folder, exist_ok=True)
        state.attached += 1
        file = os.path.join(folder, "%03d%s" % (state.attached, KINDS.get(str(mime_type).split(";")[0], ".bin")))
        with open(file, "wb") as out:
            out.write(data if isinstance(data, bytes) else str(data).encode("utf-8", "replace"))
        state.attachments.append(file)


def replaced(cls, name):
    """Has a function of ours run in the place of a method, with the method as its first argument."""
    original = cls.__dict__[name]

    def replace(function):
        @functools.wraps(original)
        def method(self, *args, **kwargs):
            return function(original, self, *args, **kwargs)
        setattr(cls, name, method)
    return replace


def patch():
    container = getattr(model, "ScenarioContainer", model.Feature)

    @replaced(model.Scenario, "should_run")
    def should_run(original, self, config=None):
        if isinstance(self, model.ScenarioOutline):
            return original(self, config)
        return original(self, config) and state.selected(self)

    @replaced(container, "should_run")
    def should_run_any(original, self, config=None):
        return original(self, config) and (state.selection is None or any(state.selected(one) for one in scenarios(self)))

    @replaced(model.Scenario, "run")
    def run(original, self, of):
        if state.selection is None:
            if self.should_run(of.config):
                what = state.identify(self)
                state.write("listed", tags=[str(tag) for tag in self.effective_tags], **what)
            return False
        if not state.selected(self):
            return original(self, of)
        start = time.time()
        state.running, state.cleanup = self, ""
        what = state.identify(self)["id"]
        state.write("started", id=what)
        enter(what)
        try:
            failed = original(self, of)
        finally:
            state.running = None
            leave()
        seen = outcome(self, failed)
        if seen:
            state.finish(self, start, **seen)
        return failed

    @replaced(container, "run")
    def run_all(original, self, of):
        before, state.broken = state.broken, ""
        start = time.time()
        try:
            return original(self, of)
        finally:
            if state.broken:
                for scenario in scenarios(self):
                    if state.selection is not None and state.selected(scenario) and id(scenario) not in state.known:
                        state.finish(scenario, start, outcome="failed", error=True, message=clip(state.broken, 8000), details=clip(state.broken, 8000))
            state.broken = before

    @replaced(runner.ModelRunner, "run_hook")
    def run_hook(original, self, name, *args, **kwargs):
        hook = self.hooks.get(name)
        if hook is None:
            return original(self, name, *args, **kwargs)

        @functools.wraps(hook)
        def watched(*hook_args):
            try:
                return hook(*hook_args)
            except BaseException as error:
                state.hook(name, error)
                raise
        self.hooks[name] = watched
        try:
            return original(self, name, *args, **kwargs)
        finally:
            self.hooks[name] = hook

    @replaced(runner.Context, "_do_cleanups")
    def clean_up(original, self, *args, **kwargs):
        try:
            return original(self, *args, **kwargs)
        except Exception as error:
            state.clean_up(error)
            raise

    def load(original, self, *args, **kwargs):
        try:
            return original(self, *args, **kwargs)
        except Exception as error:
            file, line = place(error)
            if isinstance(error, SyntaxError) and error.filename:
                file, line = state.path(error.filename), error.lineno or 0
            state.write("error", message=clip("%s:%d cannot be loaded: %s: %s" % (file, line, type(error).__name__, error), 8000))
            if state.selection is None:
                state.write("end")  # there is no more to say
            raise

    for name in ("load_hooks", "load_step_definitions"):
        replaced(runner.Runner, name)(load)

    @replaced(runner.ModelRunner, "run_model")
    def run_model(original, self, *args, **kwargs):
        if state.selection is not None and all(isinstance(one, Reporter) for one in self.formatters):
            self.formatters.append(usual(self.config))
        result = original(self, *args, **kwargs)
        if state.watch:
            state.watch.tell(state.write)
        state.write("end", statuses=[1])
        return result


def scenarios(of):
    return list(of.walk_scenarios())


def usual(config):
    """The formatter that Behave takes where none is named."""
    from behave.formatter._registry import select_formatter_class
    return select_formatter_class("plain")(StreamOpener(stream=sys.stdout), config)


def outcome(scenario, failed):
    """What became of a scenario; None: it did not run."""
    status = getattr(scenario.status, "name", scenario.status)
    if status == "passed" and not failed:
        return dict(outcome="passed")
    if status in ("skipped", "untested") and not failed:
        if status == "untested" and scenario.all_steps and not scenario.should_skip:
            return None
        return dict(outcome="skipped", message=clip(str(scenario.skip_reason or ""), 8000))
    where = scenario
    for step in scenario.all_steps:
        kind = getattr(step.status, "name", step.status)
        if kind == "undefined" and step.exception is None:
            text = "undefined step: %s %s" % (step.keyword, step.name)
            return dict(outcome="failed", error=True, message=clip(text, 8000), details=clip(text, 8000),
                        at_file=state.path(step.location.filename), at_line=step.location.line)
        if kind not in ("passed", "skipped", "untested", "executing", "pending_warn"):
            where = step
            break
    error = getattr(where, "exception", None)
    prefix = "" if where is scenario else "%s %s: " % (where.keyword, where.name)
    told = getattr(where, "error_message", None)
    if told and (where is scenario or error is None or not str(error)):
        text = str(told)
    else:
        text = str(error) or type(error).__name__ if error is not None else state.cleanup or str(status)
    at_file, at_line = place(error)
    if not at_file and where is not scenario:
        at_file, at_line = state.path(where.location.filename), where.location.line
    lines = traceback.format_exception(type(error), error, where.exc_traceback or error.__traceback__) if error is not None else [text]
    details = "".join(lines)
    printed = ""
    for item in (scenario, where):
        captured = getattr(item, "captured", None)
        if captured is not None:
            printed = printed or "".join(str(getattr(captured, part, "") or "") for part in ("stdout", "stderr", "log_output"))
    for path in ATTACHMENT.findall(printed):
        if path not in state.attachments:
            state.attachments.append(path)
    if printed:
        details += "\n--- output ---\n" + printed
    return dict(outcome="failed", error=not isinstance(error, AssertionError) or where is scenario, type=type(error).__name__ if error is not None else "",
                message=clip(prefix + text, 8000), details=clip(details, 24000), at_file=at_file, at_line=at_line)


def place(error):
    """Where a step failed: the last line of the traceback within the suite."""
    for frame in reversed(traceback.extract_tb(error.__traceback__) if error is not None and error.__traceback__ else []):
        path = os.path.realpath(frame.filename)
        foreign = {"site-packages", "dist-packages", "e2e_gate_behave.py"} & set(path.split(os.sep))
        if path.startswith(state.base + os.sep) and not foreign:
            return state.path(path), frame.lineno or 0
    return "", 0


state = State()
patch()
