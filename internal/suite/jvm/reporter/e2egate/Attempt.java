package e2egate;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One attempt at one planned test, with its invocations. */
final class Attempt {
    private static final Pattern ATTACHMENT = Pattern.compile("\\[\\[ATTACHMENT\\|(.+?)]]");

    private static final Pattern LIBRARY = Pattern.compile(
        "^(java|javax|jdk|sun|com\\.sun|org\\.junit|org\\.opentest4j|org\\.assertj|org\\.hamcrest|com\\.google\\.common\\.truth|kotlin|groovy|org\\.codehaus\\.groovy)\\.");

    private final long start = System.currentTimeMillis();
    private final long began = System.nanoTime();
    private final List<Map<String, Object>> children = new ArrayList<>();
    private final List<Map<String, Object>> properties = new ArrayList<>();
    private final List<String> attachments = new ArrayList<>();
    private final StringBuilder output = new StringBuilder();
    private String outcome = "";
    private String type = "";
    private String message = "";
    private String details = "";
    private boolean error;
    private String atFile = "";
    private int atLine;

    /** A part of the test has ended. */
    void part(String name, String ended, Throwable thrown, double seconds) {
        children.add(child(name, ended, seconds, thrown));
        end(ended, thrown, name + ": ");
    }

    /** A part of the test was left out. */
    void skippedPart(String name, String reason) {
        children.add(child(name, "skipped", 0, null));
        skip(reason);
    }

    /** The test itself has ended. What its parts came to counts more than that it did. */
    void whole(String ended, Throwable thrown, boolean template) {
        if (!template || !ended.equals("passed")) {
            end(ended, thrown, "");
        } else if (outcome.isEmpty()) {
            skip("it had no invocations");
        }
    }

    void skip(String reason) {
        if (outcome.isEmpty()) {
            outcome = "skipped";
            message = clip(reason, 8000);
        }
    }

    /** The worst end counts, and the first failure is the one to look at. */
    void end(String ended, Throwable thrown, String where) {
        boolean failed = ended.equals("failed");
        if (outcome.equals("failed") || !failed && outcome.equals("passed")) {
            return;
        }
        outcome = ended;
        message = "";
        if (thrown != null) {
            message = clip(failed ? where + headline(thrown) : headline(thrown), 8000);
        }
        if (failed && thrown != null) {
            type = thrown.getClass().getName();
            error = !(thrown instanceof AssertionError);
            details = stack(thrown);
            place(thrown);
            comparison(thrown);
        }
    }

    /** It did not run, and nothing was thrown that says why. */
    void fail(String why) {
        end("failed", null, "");
        message = why;
        error = true;
    }

    /** The class around the test failed outside of it. */
    void around(Throwable thrown, String where) {
        if (outcome.equals("failed")) {
            details = clip(details, 20_000) + "\n" + where + (thrown == null ? "" : stack(thrown));
            return;
        }
        outcome = "";
        end("failed", thrown, where);
        error = true;
    }

    void property(String name, String value) {
        if (name.equals("stdout") || name.equals("stderr")) {
            output.append("\n--- ").append(name).append("\n").append(clip(value, 24_000));
            for (Matcher m = ATTACHMENT.matcher(value); m.find();) {
                attach(m.group(1));
            }
        } else if (name.equals("attachment")) {
            attach(value);
        } else {
            Map<String, Object> property = new LinkedHashMap<>();
            property.put("name", name);
            property.put("value", clip(value, 8000));
            properties.add(property);
        }
    }

    void attach(String path) {
        String absolute = Events.directory().resolve(path).toString();
        if (!attachments.contains(absolute)) {
            attachments.add(absolute);
        }
    }

    double seconds() {
        return (System.nanoTime() - began) / 1e9;
    }

    void write(String id, Map<String, Object> stated) {
        Map<String, Object> fields = new LinkedHashMap<>(stated);
        fields.put("id", id);
        fields.put("outcome", outcome);
        fields.put("error", error);
        fields.put("start", start);
        fields.put("seconds", seconds());
        fields.put("type", type);
        if (outcome.equals("failed") && atLine > 0) {
            fields.put("at_file", atFile);
            fields.put("at_line", atLine);
        }
        fields.put("message", message);
        fields.put("details", clip(details + (outcome.equals("failed") ? output : ""), 48_000));
        fields.put("attachments", attachments);
        fields.put("properties", properties);
        fields.put("children", children.subList(0, Math.min(children.size(), 1000)));
        Events.write("finished", fields);
    }

    private static Map<String, Object> child(String name, String outcome, double seconds, Throwable thrown) {
        Map<String, Object> child = new LinkedHashMap<>();
        child.put("name", clip(name, 500));
        child.put("outcome", outcome);
        child.put("seconds", seconds);
        child.put("message", thrown == null ? "" : clip(headline(thrown), 2000));
        return child;
    }

    private static String headline(Throwable thrown) {
        String message = thrown.getMessage();
        boolean says = message != null && !message.trim().isEmpty();
        if (thrown instanceof AssertionError) {
            return says ? message : thrown.getClass().getName();
        }
        boolean wraps = thrown.getClass().getName().equals("org.junit.platform.commons.JUnitException") && thrown.getCause() != null;
        return thrown.getClass().getName() + (says ? ": " + message : "") + (wraps ? ", caused by " + headline(thrown.getCause()) : "");
    }

    private static String stack(Throwable thrown) {
        StringWriter text = new StringWriter();
        try {
            thrown.printStackTrace(new PrintWriter(text));
        } catch (RuntimeException e) { // of the exception's own toString
            text.append(thrown.getClass().getName());
        }
        return clip(text.toString(), 24_000);
    }

    /** Where it failed: the innermost line of the stack that is no library's for tests. */
    private void place(Throwable thrown) {
        for (StackTraceElement at : thrown.getStackTrace()) {
            if (at.getFileName() != null && at.getLineNumber() > 0 && !LIBRARY.matcher(at.getClassName()).find() && !packed(at.getClassName())) {
                atFile = at.getFileName();
                atLine = at.getLineNumber();
                return;
            }
        }
    }

    /** Whether a class comes from a jar, so that the checkout does not have its source. */
    private static boolean packed(String name) {
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        java.net.URL found = loader == null ? null : loader.getResource(name.replace('.', '/') + ".class");
        return found != null && !found.getProtocol().equals("file");
    }

    /** What an assertion of opentest4j compared. */
    private void comparison(Throwable thrown) {
        for (String side : new String[] {"Expected", "Actual"}) {
            try {
                Object value = thrown.getClass().getMethod("get" + side).invoke(thrown);
                if (value != null) {
                    property("e2e." + side.toLowerCase(java.util.Locale.ROOT), String.valueOf(value.getClass().getMethod("getStringRepresentation").invoke(value)));
                }
            } catch (ReflectiveOperationException | RuntimeException e) {
                return; // another kind of exception
            }
        }
    }

    static String clip(String text, int size) {
        if (text.length() <= size) {
            return text;
        }
        return text.substring(0, size / 3) + "\n\u2026\n" + text.substring(text.length() - (size - size / 3));
    }
}
