package e2egate;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TimeZone;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.logging.LogManager;

/**
 * What a test can see of how its JVM was started, at the moment at which the platform asks our filter first. The
 * gate compares what the JVM of the build says with what the same JVM says that it started itself.
 */
final class Settings {
    /** They name files of one start, which are others each time. */
    private static final Set<String> OF_ONE_START = new HashSet<>(Arrays.asList("surefire.real.class.path", "sun.java.command"));

    private Settings() {
    }

    static Map<String, Object> all() {
        Map<String, Object> all = new TreeMap<>();
        for (String name : System.getProperties().stringPropertyNames()) {
            if (!OF_ONE_START.contains(name)) {
                all.put("system property " + name, System.getProperty(name));
            }
        }
        System.getenv().forEach((name, value) -> {
            if (!name.startsWith("E2E_GATE_")) {
                all.put("variable " + name, value);
            }
        });
        machine(all);
        java(all);
        thread(all);
        platform(all);
        process(all);
        return all;
    }

    private static void machine(Map<String, Object> all) {
        all.put("JVM", ManagementFactory.getRuntimeMXBean().getVmName() + " " + ManagementFactory.getRuntimeMXBean().getVmVersion());
        all.put("arguments of the JVM", ManagementFactory.getRuntimeMXBean().getInputArguments().toString());
        all.put("largest heap", String.valueOf(Runtime.getRuntime().maxMemory()));
        all.put("number of processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
        List<String> collectors = new ArrayList<>();
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            collectors.add(collector.getName());
        }
        all.put("garbage collectors", collectors.toString());
    }

    private static void java(Map<String, Object> all) {
        all.put("working directory", Paths.get("").toAbsolutePath().toString());
        all.put("character set", Charset.defaultCharset().name());
        all.put("locale", Locale.getDefault().toString() + " " + Locale.getDefault(Locale.Category.FORMAT) + " " + Locale.getDefault(Locale.Category.DISPLAY));
        all.put("time zone", TimeZone.getDefault().getID());
        all.put("assertions", String.valueOf(Settings.class.desiredAssertionStatus()));
        all.put("security manager", name(call(System.class, null, "getSecurityManager")));
        all.put("console", String.valueOf(System.console() != null));
        all.put("standard input", name(System.in));
        all.put("standard output", name(System.out));
        all.put("standard error", name(System.err));
        all.put("log manager", name(LogManager.getLogManager()));
        all.put("module", String.valueOf(call(Class.class, Settings.class, "getModule")).replaceAll("@[0-9a-f]+", ""));
        all.put("module layer", String.valueOf(layer()));
        all.put("handler of uncaught exceptions", name(Thread.getDefaultUncaughtExceptionHandler()));
    }

    private static void thread(Map<String, Object> all) {
        Thread thread = Thread.currentThread();
        all.put("thread", thread.getName() + " " + thread.getPriority() + " " + thread.isDaemon() + " " + thread.getThreadGroup().getName());
        StringBuilder loaders = new StringBuilder();
        for (ClassLoader loader = thread.getContextClassLoader(); loader != null; loader = loader.getParent()) {
            loaders.append(loader.getClass().getName()).append(' ');
        }
        all.put("class loaders", loaders.toString());
        all.put("system class loader", name(ClassLoader.getSystemClassLoader()));
        StringBuilder callers = new StringBuilder();
        for (StackTraceElement at : thread.getStackTrace()) {
            if (!at.getClassName().startsWith("e2egate.") && !at.getClassName().matches("(java|jdk)\\..*")) {
                callers.append(at.getClassName()).append('.').append(at.getMethodName()).append(' ');
            }
        }
        all.put("what runs the tests", callers.toString().replaceAll("\\$\\$Lambda\\S*|lambda\\$\\S+", "lambda"));
    }

    /** What the platform loads by itself. */
    private static void platform(Map<String, Object> all) {
        for (String service : new String[] {
            "org.junit.platform.launcher.TestExecutionListener", "org.junit.platform.launcher.LauncherSessionListener",
            "org.junit.platform.launcher.LauncherDiscoveryListener", "org.junit.platform.launcher.PostDiscoveryFilter",
            "org.junit.platform.launcher.LauncherInterceptor", "org.junit.platform.engine.TestEngine", "org.junit.jupiter.api.extension.Extension",
        }) {
            all.put("services " + service, resources("META-INF/services/" + service));
        }
        all.put("junit-platform.properties", resources("junit-platform.properties"));
        all.put("logging.properties", resources("logging.properties"));
    }

    /** The text of all resources of a name, in the order of the class path. */
    private static String resources(String name) {
        StringBuilder text = new StringBuilder();
        try {
            for (URL url : Collections.list(Thread.currentThread().getContextClassLoader().getResources(name))) {
                URLConnection from = url.openConnection();
                from.setUseCaches(false);
                try (InputStream in = from.getInputStream(); BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                    text.append(url).append('\n');
                    lines.lines().forEach(line -> text.append(line).append('\n'));
                }
            }
        } catch (IOException | RuntimeException e) {
            text.append(e);
        }
        return text.toString();
    }

    /** What Linux says of the process. */
    private static void process(Map<String, Object> all) {
        for (String line : lines("/proc/self/status")) {
            String name = line.replaceAll(":.*", "");
            if (name.matches("Umask|Uid|Gid|Groups|SigIgn|CapEff|NoNewPrivs|Seccomp|Cpus_allowed_list")) {
                all.put("process " + name, line.substring(name.length() + 1).trim());
            }
        }
        for (String line : lines("/proc/self/limits")) {
            all.put("limit " + line.replaceAll("  .*", ""), line.replaceAll("\\s+", " "));
        }
        all.put("process group of limits (cgroup)", lines("/proc/self/cgroup").toString());
        all.put("process oom_score_adj", lines("/proc/self/oom_score_adj").toString());
        String stat = String.join("", lines("/proc/self/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ");
        if (fields.length > 16) {
            all.put("terminal", fields[4]);
            all.put("nice", fields[16]);
        }
        for (int fd = 0; fd <= 2; fd++) {
            try {
                all.put("file " + fd, Files.readSymbolicLink(Paths.get("/proc/self/fd/" + fd)).toString().replaceAll(":\\[.*", ""));
            } catch (IOException | RuntimeException e) {
                all.put("file " + fd, e.getClass().getName());
            }
        }
    }

    private static List<String> lines(String file) {
        try {
            return Files.readAllLines(Paths.get(file), StandardCharsets.ISO_8859_1);
        } catch (IOException | RuntimeException e) {
            return Collections.singletonList(e.getClass().getName());
        }
    }

    private static String name(Object object) {
        return object == null ? "none" : object.getClass().getName();
    }

    /** Methods that not every version of Java has. */
    private static Object call(Class<?> of, Object on, String method) {
        try {
            Method m = of.getMethod(method);
            return m.invoke(on);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return null;
        }
    }

    /** The names of the modules of the boot layer. */
    private static String layer() {
        try {
            Object boot = Class.forName("java.lang.ModuleLayer").getMethod("boot").invoke(null);
            Set<String> names = new TreeSet<>();
            for (Object module : (Set<?>) Class.forName("java.lang.ModuleLayer").getMethod("modules").invoke(boot)) {
                names.add(String.valueOf(module));
            }
            return names.toString();
        } catch (ReflectiveOperationException | RuntimeException e) {
            return "none";
        }
    }
}
