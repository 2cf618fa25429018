package org.junit.platform.engine;

import java.util.List;

public class UniqueId {
    public native List<Segment> getSegments();

    public static class Segment {
        public native String getType();

        public native String getValue();
    }
}
