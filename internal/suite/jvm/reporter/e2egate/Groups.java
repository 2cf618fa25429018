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

import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.launcher.PostDiscoveryFilter;

/**
 * Tests that the groups of Surefire or Failsafe leave out. They give the platform a filter of tags for them,
 * which is asked after ours, so ours would list tests that never run.
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
            add(found, "includeTags", setup.getProperty("groups"));
            add(found, "excludeTags", setup.getProperty("excludegroups"));
        } catch (IOException | ReflectiveOperationException | RuntimeException e) {
            // Then all are listed, and one that does not run is lost: that is seen, and one left out is not.
            return Collections.emptyList();
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

    /** Splits and trims as Surefire's provider does. */
    private static void add(List<PostDiscoveryFilter> found, String method, String groups)
            throws ClassNotFoundException, NoSuchMethodException, IllegalAccessException, InvocationTargetException {
        List<String> tags = new ArrayList<>();
        for (String tag : (groups == null ? "" : groups).split("[,]+")) {
            if (!tag.trim().isEmpty()) {
                tags.add(tag.trim());
            }
        }
        if (!tags.isEmpty()) {
            Class<?> filter = Class.forName("org.junit.platform.launcher.TagFilter", true, PostDiscoveryFilter.class.getClassLoader());
            found.add((PostDiscoveryFilter) filter.getMethod(method, List.class).invoke(null, tags));
        }
    }
}
