package e2egate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.reporting.FileEntry;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Writes what becomes of the selected tests. */
public final class Reporter implements TestExecutionListener {
    private static final int UNUSABLE = 97;
    private static final Pattern TEMPLATE = Pattern.compile("\\[(nested-)?class-template:[^\\]]*\\]$");
    private static final Pattern NUMBER = Pattern.compile(":#(\\d+)\\]");

    /** Attempts that run, by the planned test's unique id. */
    private final Map<String, Attempt> running = new LinkedHashMap<>();
    private final Map<String, Long> parts = new LinkedHashMap<>();
    /** Unique ids of planned tests that ended in this plan, in order of time. */
    private final Set<String> ended = new LinkedHashSet<>();
    /** The attempts of TestNG's tests that ended in this plan: a test with several invocations may end several times. */
    private final Map<String, Attempt> kept = new HashMap<>();
    /** Those that failed, and that TestNG may try again: a further start is another attempt. */
    private final Set<String> again = new HashSet<>();
    /** Failed tests that no listing knows, since a runner makes them while it runs: the planned tests beside them tell of them. */
    private final Map<TestIdentifier, TestExecutionResult> strays = new LinkedHashMap<>();
    /** What kept tests of TestNG from running. */
    private final Set<Throwable> setUps = Collections.newSetFromMap(new IdentityHashMap<>());
    private TestPlan plan;

    @Override
    public synchronized void testPlanExecutionStarted(TestPlan started) {
        plan = started;
        ended.clear();
        kept.clear();
        again.clear();
        setUps.clear();
        strays.clear();
        if (!Events.ON || !started.containsTests()) {
            return;
        }
        if (Events.SELECTION == null || !Selection.asked) {
            String found = TestPlan.class.getPackage().getImplementationVersion();
            Events.write("unusable", Collections.singletonMap("message", "junit-platform-launcher " + (found == null ? "" : found + " ")
                + "does not let a filter choose the tests; 1.7 (JUnit 5.7) or later is needed, and Surefire 3.0 or later, which takes the project's"));
            Runtime.getRuntime().halt(UNUSABLE); // rather than run tests that were not selected
        }
        Events.write("begin", Collections.emptyMap());
        Events.process();
    }

    @Override
    public synchronized void testPlanExecutionFinished(TestPlan finished) {
        if (Events.ON && Events.SELECTION != null && finished.containsTests()) {
            Events.write("end", Collections.emptyMap());
        }
    }

    @Override
    public synchronized void executionStarted(TestIdentifier test) {
        String planned = Names.planned(test.getUniqueId());
        if (planned == null) {
            return;
        }
        attempt(planned);
        if (!planned.equals(test.getUniqueId())) {
            parts.put(test.getUniqueId(), System.nanoTime());
        }
    }

    private Attempt attempt(String planned) {
        Attempt attempt = running.get(planned);
        if (attempt == null) {
            attempt = kept.containsKey(planned) && !again.contains(planned) ? kept.get(planned) : new Attempt();
            running.put(planned, attempt);
            Events.write("started", Collections.singletonMap("id", Names.exact(planned)));
        }
        return attempt;
    }

    @Override
    public synchronized void executionSkipped(TestIdentifier test, String reason) {
        String planned = Names.planned(test.getUniqueId());
        if (planned == null) {
            for (String below : plannedBelow(test)) {
                skip(below, reason);
            }
        } else if (planned.equals(test.getUniqueId())) {
            if (TestNg.runs(planned)) { // it has the reason of each skip that was meant
                attempt(planned).fail("TestNG did not run it and does not say why; a configuration method may have failed");
                finish(planned);
                return;
            }
            skip(planned, reason);
        } else {
            attempt(planned).skippedPart(part(test), reason);
        }
    }

    private void skip(String id, String reason) {
        if (Names.exact(id) != null && !ended.contains(id)) {
            attempt(id).skip(reason);
            finish(id);
        }
    }

    @Override
    public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
        String id = test.getUniqueId();
        String planned = Names.planned(id);
        if (planned == null) {
            if (test.isTest() && result.getStatus() == TestExecutionResult.Status.FAILED && !Names.leftOut(id)) {
                strays.put(test, result);
            }
            around(test, result);
        } else if (planned.equals(id)) {
            if (running.containsKey(planned) || !again.contains(planned)) { // else its last invocation told of its end
                end(planned, test, result);
                triedAgain(test, planned, result);
            }
        } else if (test.isTest() || result.getStatus() == TestExecutionResult.Status.FAILED) {
            Long began = parts.remove(id);
            double seconds = began == null ? 0 : (System.nanoTime() - began) / 1e9;
            attempt(planned).part(part(test), outcome(id, result), result.getThrowable().orElse(null), seconds);
            triedAgain(test, planned, result);
        }
    }

    private void end(String planned, TestIdentifier test, TestExecutionResult result) {
        Throwable thrown = result.getThrowable().orElse(null);
        if (TestNg.runs(planned) && TestNg.isSetUp(thrown)) {
            setUps.add(thrown);
            attempt(planned).around(thrown, "before the test: ");
        } else if (TestNg.runs(planned) && thrown == null && result.getStatus() == TestExecutionResult.Status.ABORTED) {
            attempt(planned).fail("TestNG calls it skipped and does not say why, as where a listener sets its status; throw a SkipException to skip it");
        } else {
            attempt(planned).whole(outcome(planned, result), thrown, !test.isTest());
        }
        finish(planned);
    }

    private static String outcome(String uniqueId, TestExecutionResult result) {
        switch (result.getStatus()) {
            case SUCCESSFUL:
                return "passed";
            case ABORTED: // mostly an assumption that did not hold
                return !TestNg.runs(uniqueId) || TestNg.meant(result.getThrowable().orElse(null)) ? "skipped" : "failed";
            default:
                return "failed";
        }
    }

    /** A test of TestNG, or an invocation, that is called skipped but failed: a retry analyzer may start it again. */
    private void triedAgain(TestIdentifier test, String planned, TestExecutionResult result) {
        boolean failed = result.getStatus() == TestExecutionResult.Status.ABORTED && outcome(test.getUniqueId(), result).equals("failed");
        if (failed && test.isTest() && !TestNg.isSetUp(result.getThrowable().orElse(null))) {
            if (running.containsKey(planned)) {
                finish(planned);
            }
            again.add(planned);
        }
    }

    /**
     * The planned tests of this plan below something. Of a class template the plan holds
     * only what it was repeated as.
     */
    private Set<String> plannedBelow(TestIdentifier test) {
        Set<String> found = new LinkedHashSet<>();
        Set<TestIdentifier> below = new LinkedHashSet<>(plan.getDescendants(test));
        below.add(test);
        for (TestIdentifier each : below) {
            String id = each.getUniqueId();
            if (Names.exact(id) != null) {
                found.add(id);
            } else if (TEMPLATE.matcher(id).find()) {
                found.addAll(Names.below(id));
            }
        }
        return found;
    }

    /** A class, or another thing around tests, has ended. */
    private void around(TestIdentifier test, TestExecutionResult result) {
        boolean before = false;
        for (String id : plannedBelow(test)) {
            if (running.containsKey(id)) { // of a class template, all of whose invocations have ended
                finish(id);
            } else if (!ended.contains(id) && result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
                before = true;
                spoil(id, result, result.getThrowable().orElse(null), "before the tests of " + test.getDisplayName() + ": ");
            }
        }
        List<String> inside = new ArrayList<>(ended);
        inside.removeIf(id -> !id.startsWith(test.getUniqueId() + "/"));
        if (inside.isEmpty()) {
            return;
        }
        strays.keySet().removeIf(stray -> stray.getUniqueId().startsWith(test.getUniqueId() + "/") && spoilBeside(stray, inside));
        if (before || result.getStatus() != TestExecutionResult.Status.FAILED) {
            return;
        }
        String last = inside.get(inside.size() - 1); // it passed, and what its class did afterwards did not
        String where = "after the tests of " + test.getDisplayName() + ": ";
        if (!TestNg.runs(last)) {
            spoil(last, result, result.getThrowable().orElse(null), where);
            return;
        }
        for (Throwable thrown : TestNg.all(result.getThrowable().orElse(null))) {
            if (!setUps.contains(thrown)) { // else the tests that did not run have told of it
                spoil(TestNg.nearest(inside, thrown), result, thrown, where);
            }
        }
    }

    /** Fails the test whose name a stray one's begins with, as that of an iteration does, else the last one. */
    private boolean spoilBeside(TestIdentifier stray, List<String> inside) {
        String beside = inside.get(inside.size() - 1);
        int same = 0;
        for (String id : inside) {
            String name = Names.exact(id).replaceAll(".*::", "");
            if (stray.getDisplayName().startsWith(name) && name.length() > same) {
                beside = id;
                same = name.length();
            }
        }
        TestExecutionResult result = strays.get(stray);
        spoil(beside, result, result.getThrowable().orElse(null), "in " + stray.getDisplayName() + ", which is in no listing: ");
        return true;
    }

    private void spoil(String id, TestExecutionResult result, Throwable thrown, String where) {
        again.remove(id);
        if (result.getStatus() == TestExecutionResult.Status.ABORTED) {
            attempt(id).skip(where + (thrown == null ? "" : thrown.getMessage()));
        } else if (Names.disabled(id) && !ended.contains(id)) {
            attempt(id).skip("it is disabled"); // it would not have run, whatever happened around it
        } else {
            attempt(id).around(thrown, where);
        }
        finish(id);
    }

    /**
     * The platform calls a test by its unique id: where one JVM runs that again, or a task of
     * Gradle whose failed tests are repeated, it is a retry. Surefire repeats whole classes. What
     * a class does after its tests changes how the last of them ended, and so does a further invocation of
     * TestNG after the test was said to have ended.
     */
    private void finish(String id) {
        Map<String, Object> stated = new LinkedHashMap<>();
        stated.put("key", Events.SCOPE + " " + id);
        stated.put("repeats", true);
        stated.put("amends", ended.contains(id) && !again.remove(id));
        Attempt attempt = running.remove(id);
        attempt.write(Names.exact(id), stated);
        if (TestNg.runs(id)) {
            kept.put(id, attempt);
        }
        ended.remove(id);
        ended.add(id);
    }

    /** The name of a part: [2] and its display name, with each number of its unique id. */
    private static String part(TestIdentifier test) {
        StringBuilder numbers = new StringBuilder();
        for (Matcher m = NUMBER.matcher(test.getUniqueId()); m.find();) {
            numbers.append(numbers.length() > 0 ? "." : "").append(m.group(1));
        }
        String number = "[" + numbers + "]";
        String title = test.getDisplayName(); // with TestNG, it has the number
        return numbers.length() == 0 || title.startsWith(number) ? title : number + " " + title;
    }

    @Override
    public synchronized void reportingEntryPublished(TestIdentifier test, ReportEntry entry) {
        Attempt attempt = running(test);
        if (attempt != null) {
            entry.getKeyValuePairs().forEach(attempt::property);
        }
    }

    @Override
    public synchronized void fileEntryPublished(TestIdentifier test, FileEntry file) {
        Attempt attempt = running(test);
        if (attempt != null) {
            attempt.attach(file.getPath().toString());
        }
    }

    private Attempt running(TestIdentifier test) {
        String planned = Names.planned(test.getUniqueId());
        return planned == null ? null : running.get(planned);
    }
}
