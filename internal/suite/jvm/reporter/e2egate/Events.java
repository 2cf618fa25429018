package e2egate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** What the gate told this JVM, and the file of events that it wants to read. */
final class Events {
    /** Whether the gate started this JVM: without it nothing here does anything. */
    static final boolean ON = variable("E2E_GATE_EVENTS") != null;

    /** The names of the tests to run; null: list them, and run none. */
    static final Set<String> SELECTION = selection();

    /** The JVM, or the task of Gradle whose JVMs repeat each other's failed tests. */
    static final String SCOPE = variable("E2E_GATE_REPEATS") != null ? variable("E2E_GATE_REPEATS") : UUID.randomUUID().toString();

    private Events() {
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? null : value;
    }

    private static Set<String> selection() {
        String file = variable("E2E_GATE_SELECTION");
        if (!ON || file == null) {
            return null;
        }
        try {
            return new HashSet<>(Files.readAllLines(Paths.get(file), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException("the gate's selection cannot be read", e);
        }
    }

    static Path directory() {
        String given = variable("E2E_GATE_MODULE"); // Surefire sets basedir instead
        return Paths.get(given != null ? given : System.getProperty("basedir", "")).toAbsolutePath();
    }

    /**
     * The directory of the module that a class was compiled in, from that of the suite,
     * with slashes; empty for the same, or if unknown. This may be asked in the
     * build tool's own JVM, whose working directory says nothing.
     */
    static String module(Class<?> compiled) {
        try {
            Path suite = Paths.get(System.getenv("E2E_GATE_DIR")).toRealPath();
            Path at = Paths.get(compiled.getProtectionDomain().getCodeSource().getLocation().toURI()).toRealPath();
            for (; at != null && at.startsWith(suite); at = at.getParent()) {
                if (Files.exists(at.resolve("pom.xml")) || Files.exists(at.resolve("build.gradle")) || Files.exists(at.resolve("build.gradle.kts"))) {
                    return suite.relativize(at).toString().replace('\\', '/');
                }
            }
        } catch (IOException | RuntimeException | URISyntaxException e) {
            return ""; // a class of no file
        }
        return "";
    }

    static void write(String event, Map<String, ?> fields) {
        write("E2E_GATE_EVENTS", event, fields);
    }

    /** Names this JVM, so that the gate can ask it what its threads do. Only Linux tells its number to Java 8. */
    static void process() {
        Map<String, Object> fields = new LinkedHashMap<>();
        try {
            fields.put("pid", Integer.parseInt(Files.readSymbolicLink(Paths.get("/proc/self")).toString()));
        } catch (IOException | RuntimeException e) {
            return;
        }
        fields.put("dump", "jvm");
        write("process", fields);
    }

    /** What the build tool itself tells, as against the JVMs of the tests, is a file of its own. */
    static void build(String event, Map<String, ?> fields) {
        write("E2E_GATE_BUILD", event, fields);
    }

    /** Whether the gate wants to know how this JVM was started. */
    static boolean recorded() {
        return variable("E2E_GATE_RECORDINGS") != null;
    }

    /** How a JVM was started is a file of its own: it holds its environment. */
    static void record(Map<String, ?> fields) {
        write("E2E_GATE_RECORDINGS", "recording", fields);
    }

    /** Appends one line in one write: several JVMs may share the file. */
    private static synchronized void write(String file, String event, Map<String, ?> fields) {
        StringBuilder line = new StringBuilder("{\"event\":");
        json(line, event);
        for (Map.Entry<String, ?> field : fields.entrySet()) {
            line.append(',');
            json(line, field.getKey());
            line.append(':');
            json(line, field.getValue());
        }
        byte[] bytes = line.append("}\n").toString().getBytes(StandardCharsets.US_ASCII);
        try {
            Files.write(Paths.get(System.getenv(file)), bytes, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException("the gate's events cannot be written", e);
        }
    }

    private static void json(StringBuilder out, Object value) {
        if (value instanceof Map) {
            String separator = "{";
            for (Map.Entry<?, ?> e : ((Map<?, ?>) value).entrySet()) {
                out.append(separator);
                json(out, e.getKey());
                out.append(':');
                json(out, e.getValue());
                separator = ",";
            }
            out.append(separator.equals("{") ? "{}" : "}");
        } else if (value instanceof List) {
            String separator = "[";
            for (Object item : (List<?>) value) {
                out.append(separator);
                json(out, item);
                separator = ",";
            }
            out.append(separator.equals("[") ? "[]" : "]");
        } else if (value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else {
            quote(out, String.valueOf(value));
        }
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (char c : text.toCharArray()) {
            if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
                out.append(c);
            } else {
                out.append(String.format("\\u%04x", (int) c));
            }
        }
        out.append('"');
    }
}
