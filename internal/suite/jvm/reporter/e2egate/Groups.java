package e2egate;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;

import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.launcher.PostDiscoveryFilter;

/**
 * Tests that the groups of Surefire or Failsafe leave out. They give the platform filters for them,
 * which are asked after ours, so ours would list tests that never run. Up to version 3.5 the filters are of tags. In 3.6.0 they
 * are of JUnit 4's categories where it runs JUnit 4 itself, and TestNG, if the module has it, chooses by groups alone. From 3.6.1 on each
 * engine has its own.
 */
final class Groups {
    private static final List<PostDiscoveryFilter> FILTERS = filters();

    private Groups() {
    }

    static boolean leaveOut(TestDescriptor test) {
        for (PostDiscoveryFilter filter : FILTERS) {
            if (filter.apply(test).excluded()) {
                return true;
            }
        }
        return false;
    }

    private static List<PostDiscoveryFilter> filters() {
        List<PostDiscoveryFilter> found = new ArrayList<>();
        try {
            Properties setup = setup();
            List<String> groups = words(setup.getProperty("groups"));
            List<String> excluded = words(setup.getProperty("excludegroups"));
            if (isByEngine()) {
                return byEngine(setup, groups, excluded);
            }
            if (setup.getProperty("testng.version") != null) {
                return found;
            }
            if (Boolean.parseBoolean(setup.getProperty("junit.vintage.engine.detected"))) {
                if (!groups.isEmpty()) {
                    found.add(categories(groups, true));
                }
            } else {
                add(found, "includeTags", groups);
                add(found, "excludeTags", excluded);
            }
            if (!excluded.isEmpty() && knowsCategories()) {
                found.add(categories(excluded, false));
            }
        } catch (IOException | ReflectiveOperationException | RuntimeException e) {
            // Then all are listed, and one that does not run is lost: that is seen, and one left out is not.
            return Collections.emptyList();
        }
        return found;
    }

    /** Whether this Surefire asks each engine's tests for what that engine knows. */
    private static boolean isByEngine() {
        try {
            String provider = "org.apache.maven.surefire.junitplatform.JUnitPlatformProvider";
            Class.forName(provider, false, Groups.class.getClassLoader()).getDeclaredMethod("newGroupFilters");
            return true;
        } catch (ReflectiveOperationException | LinkageError e) {
            return false;
        }
    }

    /** TestNG looks at groups itself. JUnit 4 has categories, and tags too where the project brings Vintage along; all others have tags. */
    private static List<PostDiscoveryFilter> byEngine(Properties setup, List<String> groups, List<String> excluded) throws ReflectiveOperationException {
        boolean isTestNg = setup.getProperty("testng.version") != null;
        List<PostDiscoveryFilter> tags = new ArrayList<>();
        add(tags, "includeTags", isTestNg ? expressions(groups) : groups);
        add(tags, "excludeTags", isTestNg ? expressions(excluded) : excluded);
        List<PostDiscoveryFilter> categories = new ArrayList<>();
        if (!Boolean.parseBoolean(setup.getProperty("junit.vintage.engine.detected"))) {
            categories.addAll(tags);
        } else if (!groups.isEmpty()) {
            categories.add(categories(groups, true));
        }
        categories.add(categories(excluded, false));
        return Collections.singletonList(test -> {
            String engine = test.getUniqueId().getSegments().get(0).getValue();
            for (PostDiscoveryFilter filter : engine.equals("junit-vintage") ? categories : tags) {
                if (!engine.equals("testng") && filter.apply(test).excluded()) {
                    return FilterResult.excluded("its groups");
                }
            }
            return FilterResult.included("");
        });
    }

    /** Groups of TestNG may be no expressions of tags: only TestNG looks at those. */
    private static List<String> expressions(List<String> groups) throws ReflectiveOperationException {
        List<String> found = new ArrayList<>();
        for (String group : groups) {
            try {
                add(new ArrayList<>(), "includeTags", Collections.singletonList(group));
                found.add(group);
            } catch (InvocationTargetException e) {
                continue;
            }
        }
        return found;
    }

    /** Surefire's own settings for this JVM: the fourth of its five arguments, a file in the folder that is the second. */
    private static Properties setup() throws IOException {
        Properties setup = new Properties();
        String command = System.getProperty("sun.java.command", "");
        int jar = command.indexOf(".jar ");
        String[] words = command.split(" ");
        if (jar < 0 || words.length < 5 || !new File(command.substring(0, jar)).getName().startsWith("surefirebooter")) {
            return setup;
        }
        String name = words[words.length - 2];
        int end = command.length() - words[words.length - 1].length() - name.length() - words[words.length - 3].length() - 3;
        File folder = new File(command.substring(jar + ".jar ".length(), end));
        try (InputStream in = Files.newInputStream(folder.toPath().resolve(name))) {
            setup.load(in);
        }
        return setup;
    }

    /** Lets through only tests with one of the categories, or only those without. */
    private static PostDiscoveryFilter categories(List<String> names, boolean wanted) {
        return test -> Names.hasCategory(test, names) == wanted ? FilterResult.included("") : FilterResult.excluded("its categories");
    }

    /** Whether this Surefire looks at categories. */
    private static boolean knowsCategories() {
        try {
            Class.forName("org.apache.maven.surefire.api.booter.ProviderParameterNames").getField("JUNIT_VINTAGE_DETECTED");
            return true;
        } catch (ReflectiveOperationException | LinkageError e) {
            return false;
        }
    }

    /** Splits and trims as Surefire's provider does. */
    private static List<String> words(String groups) {
        List<String> words = new ArrayList<>();
        for (String word : (groups == null ? "" : groups).split("[,]+")) {
            if (!word.trim().isEmpty()) {
                words.add(word.trim());
            }
        }
        return words;
    }

    private static void add(List<PostDiscoveryFilter> found, String method, List<String> tags)
            throws ClassNotFoundException, NoSuchMethodException, IllegalAccessException, InvocationTargetException {
        if (!tags.isEmpty()) {
            Class<?> filter = Class.forName("org.junit.platform.launcher.TagFilter", true, PostDiscoveryFilter.class.getClassLoader());
            found.add((PostDiscoveryFilter) filter.getMethod(method, List.class).invoke(null, tags));
        }
    }
}
