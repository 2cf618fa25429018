package e2egate;

import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.TestTag;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.support.descriptor.MethodSource;

/** What TestNG's engine for the platform tells otherwise than other engines do. Surefire 3.6 brings it along. */
final class TestNg {
    private static final String ENGINE = "[engine:testng]";
    private static final String DEPENDS = " depends on not successfully finished methods";

    /** The engine whose classes were looked at last, and their groups. Another discovery has an engine of its own that is equal to it. */
    private static TestDescriptor engineOfGroups;
    private static Map<String, String> groups;

    private TestNg() {
    }

    static boolean runs(String uniqueId) {
        return uniqueId.contains(ENGINE);
    }

    /**
     * Whether a skipped test was meant to be skipped: it said so, or one that it depends on did not pass. TestNG also
     * calls skipped what failed and is tried again, and what did not run since its set-up failed.
     */
    static boolean meant(Throwable thrown) {
        for (Class<?> c = thrown == null ? null : thrown.getClass(); c != null; c = c.getSuperclass()) {
            if (c.getName().equals("org.testng.SkipException")) {
                return true;
            }
        }
        return thrown != null && thrown.getClass() == Throwable.class && String.valueOf(thrown.getMessage()).contains(DEPENDS);
    }

    /** Whether a configuration method threw it, and not in order to skip. */
    static boolean isSetUp(Throwable thrown) {
        return thrown != null && !meant(thrown)
            && Arrays.stream(thrown.getStackTrace()).anyMatch(at -> at.getClassName().startsWith("org.testng.") && at.getMethodName().startsWith("invokeConfiguration"));
    }

    /** The failures that the engine put together. */
    static List<Throwable> all(Throwable thrown) {
        List<Throwable> found = new ArrayList<>();
        if (thrown != null) {
            found.add(thrown);
            found.addAll(Arrays.asList(thrown.getSuppressed()));
        }
        return found;
    }

    /** The last test of a class that a failure came out of, else the last of all: where classes run at once, the engine cannot tell of which it is. */
    static String nearest(List<String> tests, Throwable thrown) {
        for (int i = tests.size() - 1; i >= 0; i--) {
            String test = tests.get(i);
            if (Arrays.stream(thrown.getStackTrace()).anyMatch(at -> test.contains("/[class:" + at.getClassName() + "]/"))) {
                return test;
            }
        }
        return tests.get(tests.size() - 1);
    }

    /**
     * The first of the classes whose tests build on one another, where the test's class is one of them, or null. A class is
     * one as a whole if one of its tests depends on others, or has a priority: TestNG makes one instance for all its tests. So is
     * one with several tests of one method name, since TestNG chooses by that. Classes that share set-up or listeners are one: see joinShared.
     */
    static synchronized String group(TestDescriptor test, String className) {
        TestDescriptor engine = test;
        while (engine.getParent().isPresent() && !engine.getUniqueId().toString().endsWith(ENGINE)) {
            engine = engine.getParent().get();
        }
        // The first test that is asked about still has all others beside it: the platform removes those that a filter leaves out.
        if (engine != engineOfGroups) {
            groups = groups(engine);
            engineOfGroups = engine;
        }
        return groups.get(className);
    }

    private static Map<String, String> groups(TestDescriptor engine) {
        Map<String, List<TestDescriptor>> tests = new TreeMap<>();
        for (TestDescriptor of : engine.getChildren()) {
            for (TestDescriptor test : of.getChildren()) {
                tests.computeIfAbsent(Names.sourceClass(test), name -> new ArrayList<>()).add(test);
            }
        }
        Map<String, String> first = new LinkedHashMap<>(); // of the group so far, by class
        for (Map.Entry<String, List<TestDescriptor>> entry : tests.entrySet()) {
            String name = entry.getKey();
            if (severalOfOneName(entry.getValue())) {
                join(first, name, name);
            }
            for (Annotation declared : annotated(name, "Test").values()) {
                List<Predicate<String>> methods = matching(strings(declared, "dependsOnMethods"));
                List<Predicate<String>> groups = matching(strings(declared, "dependsOnGroups"));
                boolean depends = !methods.isEmpty() || !groups.isEmpty();
                if (depends || !Integer.valueOf(0).equals(Names.attribute(declared, "priority"))) { // one that cannot be read may be there
                    join(first, name, name);
                }
                for (String other : depends ? tests.keySet() : Collections.<String>emptySet()) {
                    if (tests.get(other).stream().anyMatch(test -> named(test, other, methods) || tagged(test, groups))) {
                        join(first, name, other);
                    }
                }
            }
        }
        joinShared(first, tests);
        return first;
    }

    /**
     * Joins classes with one that has what TestNG does for all of them: set-up of the suite, of the test or of a group, and
     * listeners. Without that class TestNG does neither. Where several classes declare set-up of the suite or the test, each is taken to have its own.
     */
    private static void joinShared(Map<String, String> first, Map<String, List<TestDescriptor>> tests) {
        for (String kind : new String[] {"BeforeSuite", "BeforeTest", "BeforeGroups", "Listeners"}) {
            Map<String, Set<String>> having = new TreeMap<>(); // the classes, by what they share
            for (String name : tests.keySet()) {
                annotated(name, kind).forEach((element, declared) -> {
                    for (String what : shared(element, declared)) {
                        having.computeIfAbsent(what, w -> new TreeSet<>()).add(name);
                    }
                });
            }
            if (kind.matches("BeforeSuite|BeforeTest") && having.size() > 1) {
                continue;
            }
            having.forEach((what, names) -> {
                List<Predicate<String>> groups = matching(new String[] {what});
                for (String other : tests.keySet()) {
                    boolean concerned = !kind.equals("BeforeGroups") || tests.get(other).stream().anyMatch(test -> tagged(test, groups));
                    if (concerned && !names.contains(other)) {
                        join(first, names.iterator().next(), other);
                    }
                }
            });
        }
    }

    /** The listeners, or the groups that are set up, or else the class that declares the set-up. */
    private static List<String> shared(AnnotatedElement element, Annotation declared) {
        List<String> found = new ArrayList<>();
        if (Names.attribute(declared, "value") instanceof Class[]) {
            for (Class<?> listener : (Class<?>[]) Names.attribute(declared, "value")) {
                found.add(listener.getName());
            }
        } else if (declared.annotationType().getSimpleName().equals("BeforeGroups")) {
            found.addAll(Arrays.asList(strings(declared, "value")));
            found.addAll(Arrays.asList(strings(declared, "groups")));
        } else {
            found.add(((Method) element).getDeclaringClass().getName());
        }
        return found;
    }

    private static void join(Map<String, String> first, String one, String other) {
        String a = first.getOrDefault(one, one);
        String b = first.getOrDefault(other, other);
        String both = a.compareTo(b) < 0 ? a : b;
        first.put(one, a);
        first.put(other, b);
        first.replaceAll((name, of) -> of.equals(a) || of.equals(b) ? both : of);
    }

    /** The engine's name of a test, unless the class names its tests itself while they run (ITest). */
    static String name(TestDescriptor test) {
        String title = test.getDisplayName();
        if (title.startsWith(method(test))) {
            return title;
        }
        List<UniqueId.Segment> segments = test.getUniqueId().getSegments();
        return segments.get(segments.size() - 1).getValue().replace("()", "");
    }

    private static boolean severalOfOneName(List<TestDescriptor> tests) {
        return tests.stream().map(TestNg::method).distinct().count() < tests.size();
    }

    private static String method(TestDescriptor test) {
        TestSource source = test.getSource().orElse(null);
        return source instanceof MethodSource ? ((MethodSource) source).getMethodName() : test.getDisplayName();
    }

    /** Whether a test is one of those that dependsOnMethods names, which may be patterns. */
    private static boolean named(TestDescriptor test, String className, List<Predicate<String>> methods) {
        return methods.stream().anyMatch(names -> names.test(className + "." + method(test)));
    }

    private static boolean tagged(TestDescriptor test, List<Predicate<String>> groups) {
        return groups.stream().anyMatch(names -> test.getTags().stream().map(TestTag::getName).anyMatch(names));
    }

    private static List<Predicate<String>> matching(String[] names) {
        List<Predicate<String>> found = new ArrayList<>();
        for (String name : names) {
            found.add(name::equals);
            try {
                Pattern pattern = Pattern.compile(name);
                found.add(text -> pattern.matcher(text).matches());
            } catch (PatternSyntaxException e) {
                continue; // it is a name and no more
            }
        }
        return found;
    }

    /** A class, those that it extends, and their methods, where TestNG's annotation of a name stands. */
    private static Map<AnnotatedElement, Annotation> annotated(String className, String kind) {
        List<AnnotatedElement> elements = new ArrayList<>();
        for (Class<?> c = Names.load(className); c != null; c = c.getSuperclass()) {
            elements.add(c);
            elements.addAll(Arrays.asList(c.getDeclaredMethods()));
        }
        Map<AnnotatedElement, Annotation> found = new LinkedHashMap<>();
        for (AnnotatedElement element : elements) {
            for (Annotation a : element.getDeclaredAnnotations()) {
                if (a.annotationType().getName().equals("org.testng.annotations." + kind)) {
                    found.put(element, a);
                }
            }
        }
        return found;
    }

    private static String[] strings(Annotation a, String name) {
        Object value = Names.attribute(a, name);
        return value instanceof String[] ? (String[]) value : new String[0];
    }
}
