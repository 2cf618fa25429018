package e2egate;

import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;

/**
 * Names of tests: com.acme.CaseIT$Review::approves(String). They hold nothing that a
 * machine, a shard or a rerun changes.
 */
final class Names {
    /** The names of the tests that this JVM was to run, by unique id. */
    private static final Map<String, String> KNOWN = new ConcurrentHashMap<>();

    /** Those of them that @Disabled keeps from running. */
    private static final Set<String> DISABLED = ConcurrentHashMap.newKeySet();

    /** Those that were not selected, without the kind of their last segment. */
    private static final Set<String> LEFT_OUT = ConcurrentHashMap.newKeySet();

    /** What Java says of an object that does not describe itself, after its class: another number in each process. */
    private static final Pattern HASH = Pattern.compile("@[0-9a-f]{5,8}\\b");

    private static final Map<Class<?>, String> MODULES = new ConcurrentHashMap<>();

    private Names() {
    }

    static void know(TestDescriptor test, String name) {
        String uniqueId = test.getUniqueId().toString();
        KNOWN.put(uniqueId, name);
        if (isDisabled(test)) {
            DISABLED.add(uniqueId);
        }
    }

    static void leaveOut(TestDescriptor test) {
        LEFT_OUT.add(withoutKind(test.getUniqueId().toString()));
    }

    /**
     * Whether a test that runs was left out by the selection: runners of JUnit 4 may not be able to leave it out, and then it is
     * called dynamic.
     */
    static boolean leftOut(String uniqueId) {
        return LEFT_OUT.contains(withoutKind(uniqueId));
    }

    private static String withoutKind(String uniqueId) {
        return uniqueId.replaceAll("\\[[^:\\[\\]]*:(?=[^\\[\\]]*\\]$)", "[");
    }

    static boolean disabled(String uniqueId) {
        return DISABLED.contains(uniqueId);
    }

    /** Whether @Disabled stands at the method, at its class or at a class around that. */
    private static boolean isDisabled(TestDescriptor test) {
        TestSource source = test.getSource().orElse(null);
        if (source instanceof MethodSource) {
            Method m = method((MethodSource) source);
            if (m != null && isDisabled(m)) {
                return true;
            }
        }
        String name = sourceClass(test);
        for (Class<?> c = name == null ? null : load(name); c != null; c = c.getEnclosingClass()) {
            if (isDisabled(c)) {
                return true;
            }
        }
        return false;
    }

    /**
     * The class whose methods build on one another: it has an order for them and one instance
     * for all of them. JUnit 4 knows no such instance, so there an order is enough. Null: there is none. TestNG has its own rules.
     */
    static String group(TestDescriptor test) {
        String name = sourceClass(test);
        if (name != null && TestNg.runs(test.getUniqueId().toString())) {
            return TestNg.group(test, name);
        }
        for (Class<?> c = name == null ? null : load(name); c != null; c = c.getEnclosingClass()) {
            Object lifecycle = value(c, "org.junit.jupiter.api.TestInstance");
            boolean ordered = value(c, "org.junit.jupiter.api.TestMethodOrder") != null && "PER_CLASS".equals(String.valueOf(lifecycle));
            Object fixed = value(c, "org.junit.FixMethodOrder");
            if (ordered || fixed != null && !"DEFAULT".equals(String.valueOf(fixed)) || value(c, "org.junit.runner.OrderWith") != null) {
                return c.getName();
            }
        }
        return null;
    }

    /** The value of an annotation, of a class also an inherited one, or null. */
    private static Object value(AnnotatedElement element, String annotation) {
        for (Annotation a : element.getAnnotations()) {
            if (a.annotationType().getName().equals(annotation)) {
                return attribute(a, "value");
            }
        }
        return null;
    }

    /** An attribute of an annotation, or null if it cannot be read. */
    static Object attribute(Annotation a, String name) {
        try {
            return a.annotationType().getMethod(name).invoke(a);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return null;
        }
    }

    private static boolean isDisabled(AnnotatedElement element) {
        for (Annotation a : element.getAnnotations()) {
            if (a.annotationType().getName().equals("org.junit.jupiter.api.Disabled")) {
                return true;
            }
        }
        return false;
    }

    /** The name of the planned test with this very unique id, or null. */
    static String exact(String uniqueId) {
        return KNOWN.get(uniqueId);
    }

    /** The unique ids of planned tests below another. */
    static Set<String> below(String uniqueId) {
        Set<String> found = new TreeSet<>();
        for (String id : KNOWN.keySet()) {
            if (id.startsWith(uniqueId + "/")) {
                found.add(id);
            }
        }
        return found;
    }

    /** The unique id of the planned test that something is a part of, or null. */
    static String planned(String uniqueId) {
        String id = uniqueId.replaceAll("/\\[(nested-)?class-template-invocation:[^\\]]*\\]", "");
        for (int end = id.length(); end > 0; end = id.lastIndexOf("/[", end - 1)) {
            if (KNOWN.containsKey(id.substring(0, end))) {
                return id.substring(0, end);
            }
        }
        return null;
    }

    static String of(TestDescriptor test) {
        String name = (container(test) + "::" + method(test)).replaceAll("[\\p{Cntrl}\\u2028\\u2029]", " ");
        return new String(name.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8); // without half characters
    }

    /** The class of the test's source, or null. */
    static String sourceClass(TestDescriptor test) {
        for (TestDescriptor at = test; at != null; at = at.getParent().orElse(null)) {
            TestSource source = at.getSource().orElse(null);
            if (source instanceof MethodSource) {
                return ((MethodSource) source).getClassName();
            }
            if (source instanceof ClassSource) {
                return ((ClassSource) source).getClassName();
            }
        }
        return null;
    }

    /**
     * The class that the test runs in. A nested class that is inherited exists once for
     * each heir, so its own name would not do.
     */
    private static String container(TestDescriptor test) {
        StringBuilder name = new StringBuilder();
        for (UniqueId.Segment segment : test.getUniqueId().getSegments()) {
            switch (segment.getType()) {
                case "class":
                case "class-template":
                    name.setLength(0);
                    name.append(segment.getValue());
                    break;
                case "nested-class":
                case "nested-class-template":
                    name.append('$').append(segment.getValue());
                    break;
                default:
            }
        }
        if (name.length() > 0) {
            return name.toString();
        }
        String source = sourceClass(test);
        return source != null ? source : titles(test);
    }

    /** What stands around a test of an engine that knows no classes. */
    private static String titles(TestDescriptor test) {
        Deque<String> titles = new ArrayDeque<>();
        for (Optional<TestDescriptor> at = test.getParent(); at.isPresent() && !at.get().isRoot(); at = at.get().getParent()) {
            titles.addFirst(at.get().getDisplayName());
        }
        return String.join(" \u203a ", titles);
    }

    static String stable(String text) {
        return HASH.matcher(text).replaceAll("");
    }

    private static String method(TestDescriptor test) {
        TestSource source = test.getSource().orElse(null);
        boolean jupiter = test.getUniqueId().getSegments().get(0).getValue().equals("junit-jupiter");
        if (TestNg.runs(test.getUniqueId().toString())) {
            return stable(TestNg.name(test));
        }
        if (!jupiter || !(source instanceof MethodSource)) {
            return stable(test.getDisplayName());
        }
        MethodSource method = (MethodSource) source;
        return isAmbiguous(method) ? method.getMethodName() + "(" + method.getMethodParameterTypes() + ")" : test.getLegacyReportingName();
    }

    /** Whether an overload has parameter types of the same simple names. */
    private static boolean isAmbiguous(MethodSource source) {
        Set<String> full = new HashSet<>();
        String simple = null;
        List<Method> overloads = overloads(source);
        for (Method m : overloads) {
            if (String.valueOf(source.getMethodParameterTypes()).equals(types(m, true))) {
                simple = types(m, false);
            }
        }
        for (Method m : overloads) {
            if (types(m, false).equals(simple)) {
                full.add(types(m, true));
            }
        }
        return full.size() > 1;
    }

    /** The nearest of its class and those above it, or null. */
    private static Method method(MethodSource source) {
        String types = String.valueOf(source.getMethodParameterTypes());
        for (Method m : overloads(source)) {
            if (types(m, true).equals(types)) {
                return m;
            }
        }
        return null;
    }

    private static List<Method> overloads(MethodSource source) {
        List<Method> found = new ArrayList<>();
        for (Class<?> c = load(source.getClassName()); c != null; c = c.getSuperclass()) {
            for (Method m : c.getDeclaredMethods()) {
                if (m.getName().equals(source.getMethodName()) && !m.isBridge()) {
                    found.add(m);
                }
            }
        }
        return found;
    }

    /** The class that declares a test method, which may be one that the test's class extends. */
    static String declaring(TestDescriptor test) {
        TestSource source = test.getSource().orElse(null);
        Method m = source instanceof MethodSource ? method((MethodSource) source) : null;
        return m != null ? m.getDeclaringClass().getName() : sourceClass(test);
    }

    /** Whether the method or its class, or the class if that is the test, has one of JUnit 4's categories, by its full or simple name. */
    static boolean hasCategory(TestDescriptor test, List<String> names) {
        TestSource source = test.getSource().orElse(null);
        List<AnnotatedElement> elements = new ArrayList<>();
        if (source instanceof MethodSource) {
            elements.add(method((MethodSource) source));
            elements.add(load(((MethodSource) source).getClassName()));
        } else if (source instanceof ClassSource) {
            elements.add(load(((ClassSource) source).getClassName()));
        }
        for (AnnotatedElement element : elements) {
            Object value = element == null ? null : value(element, "org.junit.experimental.categories.Category");
            for (Class<?> category : value instanceof Class[] ? (Class<?>[]) value : new Class<?>[0]) {
                if (names.contains(category.getName()) || names.contains(category.getSimpleName())) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The module that the test runs in. */
    static String module(TestDescriptor test) {
        String name = container(test);
        Class<?> outermost = load(name.contains("$") ? name.substring(0, name.indexOf('$')) : name);
        return outermost == null ? "" : MODULES.computeIfAbsent(outermost, Events::module);
    }

    static Class<?> load(String name) {
        try {
            return Class.forName(name, false, Thread.currentThread().getContextClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            return null;
        }
    }

    private static String types(Method m, boolean full) {
        return String.join(", ", (Iterable<String>) Arrays.stream(m.getParameterTypes()).map(full ? Class::getName : Class::getSimpleName)::iterator);
    }
}
