package e2egate;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import javax.inject.Named;
import javax.inject.Singleton;

import org.apache.maven.artifact.Artifact;
import org.apache.maven.execution.MojoExecutionEvent;
import org.apache.maven.execution.MojoExecutionListener;
import org.apache.maven.plugin.MojoExecutionException;

/**
 * Runs within Maven. Where Surefire or Failsafe would run tests outside the JUnit Platform
 * (JUnit 4 without the Vintage engine, TestNG), no filter of ours is asked. So such an execution
 * of a plugin is one test: it is listed here and skipped, or it runs if it was selected.
 */
@Named
@Singleton
public final class MavenModules implements MojoExecutionListener {
    private static final String[] SERVICES = {
        "META-INF/services/org.apache.maven.surefire.api.provider.SurefireProvider", "META-INF/services/org.apache.maven.surefire.provider.SurefireProvider",
    };
    /** These have no provider of their own for JUnit 4 and TestNG: they run both by engines for the platform, which they add. */
    private static final Pattern PLATFORM_ALONE = Pattern.compile("3\\.([6-9]|[1-9]\\d)([.-].*)?|([4-9]|[1-9]\\d)([.-].*)?");
    private static final Pattern BEFORE_PLATFORM = Pattern.compile("(1|2\\.(\\d|1\\d|20|21))([.-].*)?");

    /** When the executions that run began, in milliseconds, by the name of their test. */
    private final Map<String, Long> running = new ConcurrentHashMap<>();
    private final Surroundings surroundings = new Surroundings();
    private boolean told;

    @Override
    public void beforeMojoExecution(MojoExecutionEvent event) throws MojoExecutionException {
        if (!Events.ON) {
            return;
        }
        tell();
        if (Events.SELECTION == null) {
            surroundings.before(event, name(event), runsTests(event.getMojo().getClass()));
        }
        if (event.getMojo().getClass().getName().equals("org.jacoco.maven.CheckMojo")) {
            coverage(event);
            return;
        }
        if (!runsTests(event.getMojo().getClass())) {
            return;
        }
        try {
            before(event);
        } catch (IOException | ReflectiveOperationException | RuntimeException e) { // rather than run tests that were not selected
            throw new MojoExecutionException("e2e-gate cannot tell what runs these tests: " + e, e);
        }
    }

    /** The gate wants to know that this class was loaded: without it, nothing is known of tests outside the platform. */
    private synchronized void tell() {
        if (!told) {
            told = true;
            Events.build("loaded", Collections.emptyMap());
        }
    }

    /**
     * Coverage rules speak of the whole suite: a listing and a process for a part of it switch them
     * off, and say so. A rule that fails no build is no alarm.
     */
    private static void coverage(MojoExecutionEvent event) throws MojoExecutionException {
        if (Events.SELECTION != null && !"1".equals(System.getenv("E2E_PART"))) {
            return;
        }
        try {
            Class<?> mojo = event.getMojo().getClass();
            Field halts = mojo.getDeclaredField("haltOnFailure");
            Field skips = mojo.getSuperclass().getDeclaredField("skip");
            halts.setAccessible(true);
            skips.setAccessible(true);
            if (halts.getBoolean(event.getMojo()) && !skips.getBoolean(event.getMojo())) {
                skips.setBoolean(event.getMojo(), true);
                String which = "the coverage rules of " + file(event) + " (jacoco:check, " + event.getExecution().getExecutionId() + ")";
                Events.build("unchecked", Collections.singletonMap("message", which));
            }
        } catch (IOException | ReflectiveOperationException | RuntimeException e) {
            throw new MojoExecutionException("e2e-gate cannot switch off jacoco:check for a part of the suite: " + e, e);
        }
    }

    private void before(MojoExecutionEvent event) throws IOException, ReflectiveOperationException {
        Object mojo = event.getMojo();
        if (is(mojo, "isSkip") || is(mojo, "isSkipTests") || is(mojo, "isSkipExec")) {
            return;
        }
        String runner = runner(event);
        if (runner == null) {
            return;
        }
        String name = name(event, runner);
        if (Events.SELECTION != null && Events.SELECTION.contains(name)) {
            reportsOn(mojo);
            running.put(name, System.currentTimeMillis());
            Events.build("started", Collections.singletonMap("id", name));
            return;
        }
        if (Events.SELECTION == null && !runner.isEmpty() && hasClasses((File) get(mojo, "getTestClassesDirectory"))) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("id", name);
            fields.put("file", file(event));
            Events.build("listed", fields);
        }
        mojo.getClass().getMethod("setSkip", boolean.class).invoke(mojo, true);
    }

    /** Without the XML reports, it is not known what became of the tests. Older plugins have only one of the settings. */
    private static void reportsOn(Object mojo) throws ReflectiveOperationException {
        for (Class<?> c = mojo.getClass(); c != null; c = c.getSuperclass()) {
            for (Field field : c.getDeclaredFields()) {
                if (field.getName().equals("disableXmlReport")) {
                    field.setAccessible(true);
                    field.set(mojo, false);
                } else if (field.getName().equals("statelessTestsetReporter")) {
                    field.setAccessible(true);
                    Object reporter = field.get(mojo);
                    if (reporter != null) {
                        reporter.getClass().getMethod("setDisable", boolean.class).invoke(reporter, false);
                    }
                }
            }
        }
    }

    @Override
    public void afterMojoExecutionSuccess(MojoExecutionEvent event) throws MojoExecutionException {
        if (running.isEmpty() || !runsTests(event.getMojo().getClass())) {
            return;
        }
        try {
            String name = name(event, runner(event));
            Long began = running.remove(name);
            if (began == null) {
                return;
            }
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("id", name);
            fields.put("attachments", reports((File) get(event.getMojo(), "getReportsDirectory"), began));
            Events.build("finished", fields);
        } catch (IOException | ReflectiveOperationException | RuntimeException e) {
            throw new MojoExecutionException("e2e-gate cannot find the reports of these tests: " + e, e);
        }
    }

    /** A JVM that died: what it ran stays started, and is lost. */
    @Override
    public void afterExecutionFailure(MojoExecutionEvent event) {
    }

    /** Whether a plugin is Surefire or Failsafe, or made of them. */
    private static boolean runsTests(Class<?> mojo) {
        for (Class<?> c = mojo; c != null; c = c.getSuperclass()) {
            if (c.getName().equals("org.apache.maven.plugin.surefire.AbstractSurefireMojo")
                || c.getName().equals("org.apache.maven.plugin.surefire.SurefirePlugin")
                || c.getName().equals("org.apache.maven.plugin.failsafe.IntegrationTestMojo")) {
                return true;
            }
        }
        return false;
    }

    /** The file that declares the module, from the suite's directory. */
    private static String file(MojoExecutionEvent event) throws IOException {
        Path suite = Paths.get(System.getenv("E2E_GATE_DIR")).toRealPath();
        return suite.relativize(event.getProject().getFile().toPath().toRealPath()).toString().replace('\\', '/');
    }

    /** The same, of a module that may lie elsewhere. */
    private static String name(MojoExecutionEvent event) {
        try {
            return file(event);
        } catch (IOException | RuntimeException e) {
            return String.valueOf(event.getProject().getFile());
        }
    }

    private static String name(MojoExecutionEvent event, String runner) throws IOException {
        return file(event) + "::" + event.getExecution().getExecutionId() + " (" + runner + ")";
    }

    /**
     * What runs the tests in place of the JUnit Platform, or null; empty: it is the platform, and
     * the plugin too old for it. Surefire chooses in this order: providers among the plugin's own
     * dependencies, the platform, TestNG, JUnit 4, plain classes.
     */
    private static String runner(MojoExecutionEvent event) throws IOException {
        for (String provider : providers(event.getMojo().getClass().getClassLoader())) {
            if (!provider.contains(".junitplatform.")) {
                return provider.substring(provider.lastIndexOf('.') + 1);
            }
        }
        if (PLATFORM_ALONE.matcher(event.getExecution().getVersion()).matches()) {
            return null;
        }
        Set<String> artifacts = new HashSet<>();
        for (Artifact artifact : event.getProject().getArtifacts()) {
            artifacts.add(artifact.getGroupId() + ":" + artifact.getArtifactId());
        }
        Map<String, Artifact> plugins = event.getExecution().getMojoDescriptor().getPluginDescriptor().getArtifactMap();
        boolean platform = artifacts.contains("org.junit.platform:junit-platform-commons") || plugins.containsKey("org.junit.platform:junit-platform-engine");
        if (platform && !artifacts.contains("org.junit.platform:junit-platform-runner")) {
            return BEFORE_PLATFORM.matcher(event.getExecution().getVersion()).matches() ? "" : null;
        }
        if (artifacts.contains("org.testng:testng")) {
            return "TestNG";
        }
        return artifacts.contains("junit:junit") || artifacts.contains("junit:junit-dep") ? "JUnit 4" : "plain classes";
    }

    /** The providers that the plugin's dependencies bring along. */
    private static List<String> providers(ClassLoader plugin) throws IOException {
        List<String> found = new ArrayList<>();
        for (String service : SERVICES) {
            for (URL url : Collections.list(plugin.getResources(service))) {
                URLConnection from = url.openConnection();
                from.setUseCaches(false); // else the plugin's jar stays open
                try (InputStream in = from.getInputStream(); BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                    lines.lines().map(line -> line.replaceAll("#.*", "").trim()).filter(line -> !line.isEmpty()).forEach(found::add);
                }
            }
        }
        return found;
    }

    private static boolean hasClasses(File dir) throws IOException {
        if (dir == null || !dir.isDirectory()) {
            return false;
        }
        try (Stream<Path> files = Files.walk(dir.toPath())) {
            return files.anyMatch(file -> file.toString().endsWith(".class"));
        }
    }

    /** The reports that were written since, for a file system whose times are whole seconds. */
    private static List<String> reports(File dir, long since) {
        List<String> found = new ArrayList<>();
        File[] files = dir == null ? null : dir.listFiles();
        for (File file : files == null ? new File[0] : files) {
            Matcher name = Pattern.compile("TEST-.*\\.xml").matcher(file.getName());
            if (name.matches() && file.lastModified() >= since / 1000 * 1000) {
                found.add(file.getAbsolutePath());
            }
        }
        Collections.sort(found);
        return found;
    }

    private static boolean is(Object mojo, String name) throws ReflectiveOperationException {
        return Boolean.TRUE.equals(get(mojo, name));
    }

    private static Object get(Object mojo, String name) throws ReflectiveOperationException {
        try {
            return mojo.getClass().getMethod(name).invoke(mojo);
        } catch (InvocationTargetException e) {
            throw new IllegalStateException(e.getCause());
        }
    }
}
