package e2egate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestTag;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.PostDiscoveryFilter;

/** Lists every test and lets none run, or lets exactly those run that were selected. */
public final class Selection implements PostDiscoveryFilter {
    private static final Set<String> LISTED = ConcurrentHashMap.newKeySet();
    private static final Map<String, Integer> COUNTS = new ConcurrentHashMap<>();

    /** Whether the platform asked: before version 1.7 it does not. */
    static volatile boolean asked;

    @Override
    public FilterResult apply(TestDescriptor test) {
        asked = true;
        if (!Events.ON || test.isRoot()) {
            return FilterResult.included("not the gate's business");
        }
        if (!isLeaf(test)) {
            return isRunner(test) ? ofRunner(test) : FilterResult.included("not the gate's business");
        }
        if (Events.SELECTION == null) {
            if (!Groups.leaveOut(test)) {
                list(test);
            }
            return FilterResult.excluded("tests are only listed");
        }
        String name = Names.of(test);
        String here = "[" + Names.module(test) + "] " + name; // where modules have classes of one name
        String planned = Events.SELECTION.contains(here) ? here : name;
        if (!Events.SELECTION.contains(planned)) {
            Names.leaveOut(test);
            return FilterResult.excluded("not selected");
        }
        Names.know(test, planned);
        return FilterResult.included("selected");
    }

    private static boolean isLeaf(TestDescriptor test) {
        return test.getChildren().isEmpty() && (test.isTest() || test.mayRegisterTests());
    }

    /** Whether it is a class of JUnit 4, with the runner that it asks for. */
    private static boolean isRunner(TestDescriptor test) {
        List<UniqueId.Segment> segments = test.getUniqueId().getSegments();
        return segments.get(segments.size() - 1).getType().equals("runner");
    }

    /**
     * Not each runner of JUnit 4 can leave out single tests (that of suite() cannot), so one of which no test is selected is removed here: the
     * platform asks filters only about what has no children.
     */
    private FilterResult ofRunner(TestDescriptor runner) {
        boolean selected = false;
        for (TestDescriptor test : runner.getDescendants()) {
            selected |= isLeaf(test) && !apply(test).excluded();
        }
        if (!selected) {
            runner.removeFromHierarchy();
        }
        return FilterResult.included("it is removed, or some of its tests are selected");
    }

    private static void list(TestDescriptor test) {
        if (!LISTED.add(test.getUniqueId().toString())) {
            return;
        }
        Set<String> tags = new LinkedHashSet<>();
        for (TestDescriptor at = test; at != null; at = at.getParent().orElse(null)) {
            for (TestTag tag : at.getTags()) {
                tags.add(tag.getName());
            }
        }
        Recording.write();
        String name = Names.of(test);
        TestSource source = test.getSource().orElse(null);
        String declaring = Names.declaring(test);
        List<String> all = new ArrayList<>(tags);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", name);
        fields.put("unique_id", stable(test.getUniqueId().toString()));
        fields.put("class", name.substring(0, name.indexOf("::")));
        fields.put("module", Names.module(test));
        fields.put("declaring", declaring == null ? "" : declaring);
        fields.put("name", source instanceof MethodSource ? ((MethodSource) source).getMethodName() : "");
        fields.put("tags", all);
        fields.put("recording", Events.SCOPE);
        String group = Names.group(test);
        if (group != null) {
            fields.put("group", group);
        }
        if (TestNg.runs(test.getUniqueId().toString())) {
            fields.put("keep", fields.get("class")); // one instance for all its tests, which run in the order of their names
        }
        Events.write("listed", fields);
    }

    /** The same in each process. Tests that differ by the number of an object alone are numbered. */
    private static String stable(String uniqueId) {
        String id = Names.stable(uniqueId);
        int before = COUNTS.merge(id, 1, Integer::sum) - 1;
        return before == 0 ? id : id + "#" + before;
    }
}
