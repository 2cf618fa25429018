package e2egate;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.apache.maven.execution.MojoExecutionEvent;
import org.apache.maven.model.Extension;
import org.apache.maven.model.Resource;
import org.apache.maven.model.io.xpp3.MavenXpp3Writer;
import org.apache.maven.project.MavenProject;

/**
 * Tells, while tests are listed, what a JVM would miss that the gate starts later without the build:
 * what the build does around its tests, what it gives each of its JVMs anew, and what it reads. Only what is known to be
 * the same is let pass.
 */
final class Surroundings {
    /**
     * Goals whose work is done when the build is: they compile, copy, check, or pack. What starts or
     * stops something, or reads what the tests did, is not among them.
     */
    private static final Set<String> DONE = new HashSet<>(Arrays.asList(
        "maven-resources-plugin:resources", "maven-resources-plugin:testResources", "maven-compiler-plugin:compile", "maven-compiler-plugin:testCompile",
        "maven-surefire-plugin:test", "maven-failsafe-plugin:integration-test", "maven-failsafe-plugin:verify", "maven-jar-plugin:jar",
        "maven-jar-plugin:test-jar", "maven-war-plugin:war", "maven-source-plugin:jar", "maven-source-plugin:jar-no-fork", "maven-source-plugin:test-jar",
        "maven-source-plugin:test-jar-no-fork", "maven-clean-plugin:clean", "maven-enforcer-plugin:enforce", "maven-toolchains-plugin:toolchain",
        "maven-dependency-plugin:properties", "maven-dependency-plugin:copy", "maven-dependency-plugin:copy-dependencies", "maven-dependency-plugin:unpack",
        "maven-dependency-plugin:unpack-dependencies", "maven-checkstyle-plugin:check", "maven-pmd-plugin:check", "kotlin-maven-plugin:compile",
        "kotlin-maven-plugin:test-compile", "gmavenplus-plugin:addSources", "gmavenplus-plugin:addTestSources", "gmavenplus-plugin:generateStubs",
        "gmavenplus-plugin:generateTestStubs", "gmavenplus-plugin:compile", "gmavenplus-plugin:compileTests", "gmavenplus-plugin:removeStubs",
        "gmavenplus-plugin:removeTestStubs", "scala-maven-plugin:compile", "scala-maven-plugin:testCompile", "scala-maven-plugin:add-source",
        "build-helper-maven-plugin:add-source", "build-helper-maven-plugin:add-test-source", "build-helper-maven-plugin:add-resource",
        "build-helper-maven-plugin:add-test-resource", "jacoco-maven-plugin:prepare-agent", "jacoco-maven-plugin:prepare-agent-integration",
       
        "spring-boot-maven-plugin:repackage", "spring-boot-maven-plugin:build-info", "spotless-maven-plugin:check", "ktlint-maven-plugin:check"));

    /** Versions of Surefire whose main class in its JVMs talks as {@link Forks} does. */
    private static final Pattern KNOWN = Pattern.compile("3\\.[0-6]\\.\\d+");
    private static final Set<String> ORDERS = new HashSet<>(Arrays.asList("filesystem", "alphabetical", "reversealphabetical"));
    private static final Pattern VARIABLE = Pattern.compile("\\benv\\.([A-Za-z_][A-Za-z0-9_]*)");
    private static final Pattern FORK_NUMBER = Pattern.compile("surefire\\.(forkNumber|threadNumber)");
    /** Versions that name another file from one day to the next. */
    private static final Pattern MOVING = Pattern.compile("<version>\\s*([\\[(]|LATEST|RELEASE)");
    private static final long MOST = 1 << 20;

    private final Set<String> told = new HashSet<>();
    private boolean read;

    /** A goal is about to run. */
    synchronized void before(MojoExecutionEvent event, String file, boolean runsTests) {
        try {
            if (!read) {
                read = true;
                read(event);
            }
            String goal = event.getExecution().getArtifactId() + ":" + event.getExecution().getGoal();
            if (runsTests) {
                tests(event, goal + " (" + event.getExecution().getExecutionId() + ") in " + file);
            } else if (!DONE.contains(goal)) {
                apart(file + " runs " + goal + " (" + event.getExecution().getExecutionId() + "), which may belong around the tests");
            }
        } catch (IOException | ReflectiveOperationException | RuntimeException | LinkageError e) {
            apart("what " + file + " does around its tests cannot be read (" + e + ")");
        }
    }

    /** Why each batch needs the build. */
    private void apart(String why) {
        tell("apart", "message", why);
    }

    private void tell(String event, String field, String value) {
        if (told.add(event + " " + value)) {
            Events.build(event, Collections.singletonMap(field, value));
        }
    }

    /** What one of the plugins does for its tests beyond starting one JVM. */
    private void tests(MojoExecutionEvent event, String where) throws ReflectiveOperationException {
        Object mojo = event.getMojo();
        String version = event.getExecution().getVersion();
        if (!KNOWN.matcher(version).matches()) {
            apart(where + " has version " + version + "; known are 3.0.0 to 3.6");
        }
        String forks = String.valueOf(call(mojo, "getForkCount"));
        if (!forks.equals("1") || !Boolean.TRUE.equals(call(mojo, "isReuseForks"))) {
            apart(where + " sets forkCount " + forks + " and reuseForks " + call(mojo, "isReuseForks"));
        }
        unlike(mojo, where, "getForkedProcessTimeoutInSeconds", "forkedProcessTimeoutInSeconds", "0");
        unlike(mojo, where, "getSkipAfterFailureCount", "skipAfterFailureCount", "0");
        unlike(mojo, where, "getForkNode", "forkNode", "null");
        unlike(mojo, where, "getDebugForkedProcess", "debugForkedProcess", "null");
        for (String name : (String[]) call(mojo, "getExcludedEnvironmentVariables")) {
            tell("drops", "name", name);
        }
        String order = String.valueOf(call(mojo, "getRunOrder"));
        if (!ORDERS.contains(order)) {
            apart(where + " sets runOrder " + order);
        }
    }

    private void unlike(Object mojo, String where, String getter, String name, String usual) throws ReflectiveOperationException {
        String value = String.valueOf(call(mojo, getter));
        if (!value.equals(usual)) {
            apart(where + " sets " + name + (name.equals("forkNode") ? "" : " " + value));
        }
    }

    /** Getters that are not public too: they are the same in Surefire and Failsafe, and in their fields they are not. */
    private static Object call(Object mojo, String getter) throws ReflectiveOperationException {
        for (Class<?> c = mojo.getClass(); c != null; c = c.getSuperclass()) {
            try {
                Method m = c.getDeclaredMethod(getter);
                m.setAccessible(true);
                return m.invoke(mojo);
            } catch (NoSuchMethodException e) {
                continue; // of a class above
            } catch (InvocationTargetException e) {
                throw new IllegalStateException(e.getCause());
            }
        }
        throw new NoSuchMethodException(getter);
    }

    /** What the build reads: the variables that it names, and the files that it makes the test class path of. */
    private void read(MojoExecutionEvent event) throws IOException {
        Set<Path> inputs = new LinkedHashSet<>();
        for (MavenProject project : event.getSession().getProjects()) {
            for (Extension extension : project.getBuildExtensions()) {
                apart("the build extension " + extension.getGroupId() + ":" + extension.getArtifactId() + " may do more around the tests");
            }
            for (MavenProject at = project; at != null; at = at.getParent()) {
                StringWriter model = new StringWriter();
                new MavenXpp3Writer().write(model, at.getOriginalModel());
                scan(model.toString());
                if (MOVING.matcher(model.toString()).find()) {
                    tell("moves", "name", "a range of versions");
                }
                if (at.getFile() != null) {
                    inputs.add(at.getFile().toPath());
                }
            }
            inputs(project, inputs);
        }
        for (File settings : Arrays.asList(event.getSession().getRequest().getUserSettingsFile(), event.getSession().getRequest().getGlobalSettingsFile())) {
            if (settings != null && settings.isFile()) {
                scan(text(settings.toPath()));
                inputs.add(settings.toPath());
            }
        }
        for (Path input : inputs) {
            tell("input", "file", input.toAbsolutePath().toString());
        }
    }

    private void inputs(MavenProject project, Set<Path> inputs) throws IOException {
        Path made = new File(project.getBuild().getDirectory()).toPath().toAbsolutePath();
        tell("output", "file", made.toString());
        List<String> named = new ArrayList<>(project.getCompileSourceRoots());
        named.addAll(project.getTestCompileSourceRoots());
        named.addAll(project.getBuild().getFilters());
        List<Resource> resources = new ArrayList<>(project.getResources());
        resources.addAll(project.getTestResources());
        for (Resource resource : resources) {
            named.add(resource.getDirectory());
            if (resource.isFiltering()) {
                filtered(new File(resource.getDirectory()).toPath());
            }
        }
        for (String name : named) {
            Path input = project.getFile().toPath().toAbsolutePath().resolveSibling(name);
            if (!input.startsWith(made)) { // what the build itself makes is made of the others
                inputs.add(input);
            }
        }
    }

    /** Resources into which the build writes values. */
    private void filtered(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                scan(text(file));
            }
        }
    }

    private static String text(Path file) throws IOException {
        return Files.size(file) > MOST ? "" : new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    }

    private void scan(String text) {
        if (FORK_NUMBER.matcher(text).find()) {
            apart("a pom, the settings or a resource has surefire.forkNumber or surefire.threadNumber");
        }
        for (Matcher m = VARIABLE.matcher(text); m.find();) {
            tell("reads", "name", m.group(1));
        }
    }
}
